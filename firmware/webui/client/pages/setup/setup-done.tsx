import type { Box } from '../../../api/box-route.ts';
import { isGlobal } from '../../is-global.ts';
import { CopyButton } from '../../parts/copy-button.tsx';
import { Fact, Facts } from '../../parts/facts.tsx';
import { WholeHit } from '../../parts/hit.tsx';
import { KeyStorage } from '../../parts/key-storage.tsx';
import { Link } from '../../router.tsx';
import { useSession } from '../../session-state.ts';
import { texts } from '../../texts.ts';
import { useBox } from '../../use-box.ts';
import { useQuery } from '../../use-query.ts';
import { firstOwnUri, uplinksOf } from './setup-steps.ts';

const text = texts.setup;
const words = text.done;

/** What was set up, and what to write down before the cables are behind a wall. */
export function Done() {
  const { status } = useBox();
  const { state } = useSession();
  const { value: box } = useQuery<Box>('/api/v1/box');
  const { identity, network, tunnels } = status;
  const uri = firstOwnUri(status);
  const inside = network.interfaces
    .filter(({ role }) => role === 'lan' || role === 'management')
    .flatMap(({ addresses }) => addresses.filter(isGlobal))
    .map((address) => address.split('/')[0] ?? '')
    .map((address) => `https://${address.includes(':') ? `[${address}]` : address}`);
  // Where it was asked for is a way in that works.
  const ways = [...new Set([location.origin, ...inside])];
  const uplinks = uplinksOf(status);
  return (
    <>
      <h2>{words.write}</h2>
      <Facts>
        <Fact name={words.page}>
          {ways.map((way) => (
            <code key={way}>{way}</code>
          ))}
        </Fact>
        <Fact name={words.owner}>
          {state.kind === 'user' ? state.session.user.name : texts.unknown}
          <span class="quiet">{words.ownerMeaning}</span>
        </Fact>
        <Fact name={words.hit}>
          {identity.hit !== null && <WholeHit hit={identity.hit} label={`${texts.copy} HIT`} />}
          <KeyStorage identity={identity} />
        </Fact>
        {uri !== null && (
          <Fact name={text.peers.own}>
            <code>{uri}</code>
            <CopyButton text={uri} label={text.peers.copyOwn} />
          </Fact>
        )}
        {box !== null && (
          <Fact name={texts.signIn.fingerprint}>
            <code class="fingerprint">{box.fingerprint}</code>
          </Fact>
        )}
      </Facts>
      <h2>{words.set}</h2>
      <Facts>
        <Fact name={text.ports.name}>
          {uplinks.length === 0 ? texts.none : uplinks.map(({ label, name }) => label ?? name).join(', ')}
        </Fact>
        <Fact name={text.internet.name}>
          {uplinks.some(({ uplink }) => uplink?.works === true) ? words.works : words.worksNot}
        </Fact>
        <Fact name={text.peers.name}>
          {tunnels.length === 0 ? texts.none : tunnels.map(({ peer }) => peer).join(', ')}
        </Fact>
      </Facts>
      <p>{words.next}</p>
      <p>
        <Link to="/" class="button main">
          {words.leave}
        </Link>
      </p>
    </>
  );
}
