import type { MeasuredBoot } from '../../../api/attestation-route.ts';
import type { StatusUpdate } from '../../../api/status-schema.ts';
import { addressWith } from '../../address-with.ts';
import { KeyStorage } from '../../parts/key-storage.tsx';
import { State } from '../../parts/state.tsx';
import { Link } from '../../router.tsx';
import type { MarkName } from '../../summary.ts';
import { texts } from '../../texts.ts';
import { useBox } from '../../use-box.ts';

const text = texts.trust;

export type ChainLink = MeasuredBoot['chain'][number];
type LinkName = ChainLink['name'];

const names: readonly LinkName[] = ['firmware', 'loader', 'image', 'bundle', 'settings'];

/** From the firmware to the identity, left to right: what was expected of each, and what came. */
export function Chain({ boot, isAsked }: { boot: MeasuredBoot | null; isAsked: boolean }) {
  const { tpm, identity } = useBox().status;
  return (
    <ol class="chain" aria-label={text.chain}>
      {names.map((name) => {
        const link = boot?.chain.find((each) => each.name === name);
        return (
          <li key={name} class={link?.comparison === 'different' ? 'differs' : undefined}>
            {link === undefined ? (
              <Unmeasured name={name} state={isAsked ? tpm.state : 'failed'} />
            ) : (
              <Measured link={link} />
            )}
          </li>
        );
      })}
      <li>
        <strong>{text.links.identity}</strong>
        <KeyStorage identity={identity} />
        <span class="quiet">{identity.detail}</span>
      </li>
    </ol>
  );
}

export const comparisonMarks = { same: 'up', different: 'down', unknown: 'off' } as const;

function Measured({ link }: { link: ChainLink }) {
  const { name, comparison, expected, actual } = link;
  const isOwn = expected === null && comparison === 'unknown';
  return (
    <>
      <Link class="row-link" to={addressWith({ link: name })}>
        {text.links[name]}
      </Link>
      <State
        mark={isOwn ? 'up' : comparisonMarks[comparison]}
        word={isOwn ? text.measured : text.comparison[comparison]}
      />
      {comparison === 'different' && <Digests label={text.expected} hex={expected} />}
      <Digests label={comparison === 'different' ? text.actual : ''} hex={actual} />
      {isOwn && <span class="quiet">{text.own[name]}</span>}
    </>
  );
}

function Digests({ label, hex }: { label: string; hex: string | null }) {
  if (hex === null) return null;
  return (
    <span class="quiet">
      {label} <code title={hex}>{hex.slice(0, 12)}…</code>
    </span>
  );
}

/** What a link shows that the TPM has not spoken for. */
const unmeasured: Record<StatusUpdate['tpm']['state'], { mark: MarkName; word: string }> = {
  present: { mark: 'degraded', word: text.reading },
  pending: { mark: 'degraded', word: text.reading },
  absent: { mark: 'off', word: text.notMeasured },
  failed: { mark: 'off', word: text.notMeasured },
};

function Unmeasured({ name, state }: { name: LinkName; state: StatusUpdate['tpm']['state'] }) {
  return (
    <>
      <strong>{text.links[name]}</strong>
      <State {...unmeasured[state]} />
    </>
  );
}
