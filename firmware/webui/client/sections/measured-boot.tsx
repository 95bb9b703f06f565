import { useState } from 'preact/hooks';
import type { MeasuredBoot } from '../../api/attestation-route.ts';
import { Digest, Empty, State } from '../parts.tsx';
import { Cell, Row, Table } from '../table.tsx';
import { texts } from '../texts.ts';

const text = texts.measuredBoot;

type Loaded = { readonly boot: MeasuredBoot } | { readonly reason: string } | null;
type Pcr = MeasuredBoot['pcrs'][number];

/** Each PCR with the events that made it, asked of the TPM when somebody opens it. */
export function MeasuredBootEvents() {
  const [loaded, setLoaded] = useState<Loaded>(null);
  const onToggle = (event: Event) => {
    if (event.currentTarget instanceof HTMLDetailsElement && event.currentTarget.open)
      void load().then(setLoaded);
  };
  return (
    <details class="disclosure" onToggle={onToggle}>
      <summary>{text.title}</summary>
      {loaded === null && <p class="quiet">{text.loading}</p>}
      {loaded !== null && 'reason' in loaded && <Empty title={loaded.reason} />}
      {loaded !== null && 'boot' in loaded && <Boot boot={loaded.boot} />}
    </details>
  );
}

function Boot({ boot: { release, pcrs } }: { boot: MeasuredBoot }) {
  const differs = pcrs.some(({ comparison }) => comparison === 'different');
  return (
    <>
      {release !== null && (
        <p>
          <State mark={differs ? 'attention' : 'up'} word={differs ? text.differs : text.same} />{' '}
          {text.release(release.version, release.development)}
        </p>
      )}
      <p class="quiet">{release === null ? text.noRelease : text.self}</p>
      {pcrs
        .filter(({ events, finding }) => events.length > 0 || finding !== null)
        .map((pcr) => (
          <Register key={pcr.index} pcr={pcr} />
        ))}
    </>
  );
}

const marks = { same: 'up', different: 'attention', unknown: 'off' } as const;

function Register({ pcr: { index, value, comparison, finding, events } }: { pcr: Pcr }) {
  const name = texts.trust.pcr(index);
  return (
    <>
      <h3>
        {name} {comparison !== 'unknown' && <State mark={marks[comparison]} word={text[comparison]} />}
      </h3>
      <Digest hex={value} label={`${texts.copy} ${name}`} />
      {finding !== null && (
        <div class="notice">
          <p>
            {finding.eventIndex !== null && `${text.event} ${finding.eventIndex}: `}
            {finding.problem}
          </p>
          {finding.expected !== null && (
            <p>
              {text.expected} <code>{finding.expected}</code>
            </p>
          )}
          {finding.actual !== null && (
            <p>
              {text.actual} <code>{finding.actual}</code>
            </p>
          )}
        </div>
      )}
      {events.length > 0 && (
        <Table label={text.eventsOf(name)} kind="events" columns={[text.event, texts.trust.digest]}>
          {events.map((event) => (
            <Row key={event.index}>
              <Cell name={text.event}>
                {event.index} {event.text}
              </Cell>
              <Cell name={texts.trust.digest}>
                <code title={event.digest}>{event.digest.slice(0, 16)}…</code>
              </Cell>
            </Row>
          ))}
        </Table>
      )}
    </>
  );
}

async function load(): Promise<NonNullable<Loaded>> {
  try {
    const answer = await fetch('/api/v1/attestation');
    const body: unknown = await answer.json();
    if (answer.ok) return { boot: body as MeasuredBoot };
    const { detail } = body as { readonly detail?: string };
    return { reason: detail ?? text.unreachable };
  } catch {
    return { reason: text.unreachable };
  }
}
