import type { MeasuredBoot } from '../../../api/attestation-route.ts';
import { addressWith } from '../../address-with.ts';
import { Digest } from '../../parts/digest.tsx';
import { Empty } from '../../parts/empty.tsx';
import { Section } from '../../parts/page.tsx';
import { State } from '../../parts/state.tsx';
import { Cell, Row, Table } from '../../parts/table.tsx';
import { verbatim } from '../../parts/verbatim.ts';
import { navigate, useRoute } from '../../router.tsx';
import { texts } from '../../texts.ts';
import { comparisonMarks } from './chain.tsx';

const text = texts.trust;
type Pcr = MeasuredBoot['pcrs'][number];
type Event = Pcr['events'][number] & { readonly pcr: number };

/** Rows that a page of events shows; a search finds the rest. */
const most = 400;

/** Every register with its value, and the events that made it. */
export function Registers({ boot: { pcrs, pcrBank } }: { boot: MeasuredBoot }) {
  const { query } = useRoute();
  const chosen = query.get('pcr');
  const wanted = query.get('find') ?? '';
  const events = eventsOf(pcrs, chosen, wanted);
  return (
    <>
      <Section id="registers" title={text.allPcrs(pcrBank, pcrs.length)}>
        <Table label={text.registers} kind="pcrs" columns={Object.values(text.columns.registers)}>
          {pcrs.map(({ index, value, comparison, finding, events: measured }) => (
            <Row key={index}>
              <Cell name={text.columns.registers.register}>
                <strong>{text.pcr(index)}</strong>
                <span class="quiet">{text.pcrMeanings[index] ?? ''}</span>
              </Cell>
              <Cell name={text.columns.registers.state}>
                {comparison === 'unknown' ? (
                  <span class="quiet">{text.notCompared}</span>
                ) : (
                  <State mark={comparisonMarks[comparison]} word={text.comparison[comparison]} />
                )}
                {finding !== null && <span class="error-line">{finding.problem}</span>}
              </Cell>
              <Cell name={text.columns.registers.value} line="wide">
                <Digest hex={value} label={`${texts.copy} ${text.pcr(index)}`} />
                <span class="quiet">{text.eventCount(measured.length)}</span>
              </Cell>
            </Row>
          ))}
        </Table>
      </Section>
      <Section id="events" title={text.events} what={{ term: text.eventsTerm, meaning: text.eventsMeaning }}>
        <search class="event-search" aria-label={text.searchEvents}>
          <label>
            <span class="only-read">{text.searchEvents}</span>
            <input
              type="search"
              value={wanted}
              placeholder={text.searchHint}
              {...verbatim}
              onInput={({ currentTarget }) =>
                navigate(addressWith({ find: currentTarget.value }), { replace: true })
              }
            />
          </label>
          <label>
            <span class="only-read">{text.register}</span>
            <select
              value={chosen ?? ''}
              onChange={({ currentTarget }) => navigate(addressWith({ pcr: currentTarget.value }))}
            >
              <option value="">{text.everyPcr}</option>
              {pcrs
                .filter(({ events: measured }) => measured.length > 0)
                .map(({ index }) => (
                  <option key={index} value={String(index)}>
                    {text.pcr(index)}
                  </option>
                ))}
            </select>
          </label>
          <p class="quiet" role="status">
            {text.eventCount(events.length)}
            {events.length > most && `, ${text.firstOf(most)}`}
          </p>
        </search>
        {events.length === 0 ? (
          <Empty title={text.noEvents} />
        ) : (
          <Table label={text.events} kind="events" columns={Object.values(text.columns.events)}>
            {events.slice(0, most).map((event) => (
              <Row key={`${event.pcr} ${event.index}`}>
                <Cell name={text.columns.events.event}>
                  <span class="figure">
                    {event.index} · {text.pcr(event.pcr)}
                  </span>
                </Cell>
                <Cell name={text.columns.events.what}>
                  <span>{event.text}</span>
                  <span class="quiet">
                    {text.eventTypes[event.type] ?? ''} <code>{event.type}</code>
                  </span>
                </Cell>
                <Cell name={text.columns.events.digest}>
                  <code title={event.digest}>{event.digest.slice(0, 16)}…</code>
                </Cell>
              </Row>
            ))}
          </Table>
        )}
      </Section>
    </>
  );
}

/** In the order of the log; the runtime's own come last, since they have a log of their own. */
function eventsOf(pcrs: readonly Pcr[], chosen: string | null, wanted: string): readonly Event[] {
  const looked = wanted.trim().toLowerCase();
  return pcrs
    .filter(({ index }) => chosen === null || String(index) === chosen)
    .flatMap(({ index, events }) => events.map((event): Event => ({ ...event, pcr: index })))
    .filter(({ text: words, type, digest }) =>
      [words, type, text.eventTypes[type] ?? '', digest].some((each) => each.toLowerCase().includes(looked)),
    )
    .toSorted((one, other) => order(one) - order(other));
}

const order = ({ type, index }: Event) => (type === 'runtime' ? 1_000_000 + index : index);
