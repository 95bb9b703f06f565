import type { StatusUpdate } from '../../../api/status-schema.ts';
import { CopyButton } from '../../parts/copy-button.tsx';
import { Fact, Facts } from '../../parts/facts.tsx';
import { WholeHit } from '../../parts/hit.tsx';
import { Section } from '../../parts/page.tsx';
import { texts } from '../../texts.ts';
import { useBox } from '../../use-box.ts';

const text = texts.overlay.own;

/** What peers have to be told of this box. */
export function OwnIdentity() {
  const { identity, network } = useBox().status;
  const { hit } = identity;
  if (hit === null) return null;
  const uris = ownAddresses(network).map((address) => ownUri(address, hit));
  return (
    <Section id="own" title={text.title}>
      <Facts>
        <Fact name="HIT">
          <WholeHit hit={hit} label={`${texts.copy} HIT`} />
        </Fact>
        <Fact name={text.uri}>
          {uris.length === 0 && <span class="quiet">{text.noAddress}</span>}
          {uris.map((uri) => (
            <span class="hit own-uri" key={uri}>
              <code>{uri}</code>
              <CopyButton text={uri} label={text.copyUri} />
            </span>
          ))}
        </Fact>
      </Facts>
      <p class="quiet">{text.hint}</p>
    </Section>
  );
}

/** Addresses of the uplinks that somebody else could reach. */
export function ownAddresses({ interfaces }: Pick<StatusUpdate['network'], 'interfaces'>): readonly string[] {
  return interfaces
    .filter(({ role }) => role === 'underlay')
    .flatMap(({ addresses }) => addresses)
    .filter((address) => !/^(fe[89ab]|169\.254\.)/i.test(address))
    .map((address) => address.replace(/\/.*$/, ''));
}

/** Where HIP is answered by default (RFC 9028). */
const port = 10500;

export function ownUri(address: string, hit: string): string {
  return `hip://${address.includes(':') ? `[${address}]` : address}:${port}/${hit}`;
}
