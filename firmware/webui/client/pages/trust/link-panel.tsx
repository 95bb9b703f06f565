import type { MeasuredBoot } from '../../../api/attestation-route.ts';
import { addressWith } from '../../address-with.ts';
import { Digest } from '../../parts/digest.tsx';
import { Fact, Facts } from '../../parts/facts.tsx';
import { SidePanel } from '../../parts/side-panel.tsx';
import { State } from '../../parts/state.tsx';
import { Link, navigate } from '../../router.tsx';
import { texts } from '../../texts.ts';
import { type ChainLink, comparisonMarks } from './chain.tsx';

const text = texts.trust;

/** One step of the boot: what it is, what was expected, what came, and what tells against it. */
export function LinkPanel({ link, release }: { link: ChainLink; release: MeasuredBoot['release'] }) {
  const { name, pcrs, comparison, expected, actual, problems } = link;
  return (
    <SidePanel title={text.links[name]} onClose={() => navigate(addressWith({ link: null }))}>
      <p>{text.meanings[name]}</p>
      <Facts>
        <Fact name={text.verdict}>
          <State mark={comparisonMarks[comparison]} word={text.comparison[comparison]} />
          {comparison === 'unknown' && (
            <span class="quiet">{release === null ? text.noReleaseShort : text.own[name]}</span>
          )}
        </Fact>
        {expected !== null && (
          <Fact name={text.expected}>
            <Digest hex={expected} label={`${texts.copy} ${text.expected}`} />
          </Fact>
        )}
        <Fact name={text.actual}>
          {actual === null ? (
            <span class="quiet">{texts.none}</span>
          ) : (
            <Digest hex={actual} label={`${texts.copy} ${text.actual}`} />
          )}
        </Fact>
        <Fact name={text.registers}>
          {pcrs.map((index) => (
            <Link key={index} to={addressWith({ link: null, pcr: String(index) })}>
              {text.pcr(index)}
            </Link>
          ))}
        </Fact>
      </Facts>
      {problems.length > 0 && <h3>{text.against}</h3>}
      <Problems problems={problems} />
    </SidePanel>
  );
}

/** What tells against a boot, with the place in the log where it begins. */
export function Problems({ problems }: { problems: ChainLink['problems'] }) {
  return (
    <ul class="boot-problems">
      {problems.map(({ problem, pcr, event, expected, actual }) => (
        <li key={`${pcr} ${event?.index} ${problem}`}>
          <p>
            <strong>
              {pcr !== null && `${text.pcr(pcr)}: `}
              {problem}
            </strong>
          </p>
          {event !== null && (
            <p class="quiet">
              {text.eventIs(event.index)} {event.text}
            </p>
          )}
          <dl>
            {expected !== null && (
              <div>
                <dt>{text.expected}</dt>
                <dd>
                  <code>{expected}</code>
                </dd>
              </div>
            )}
            {actual !== null && (
              <div>
                <dt>{text.actual}</dt>
                <dd>
                  <code>{actual}</code>
                </dd>
              </div>
            )}
          </dl>
        </li>
      ))}
    </ul>
  );
}
