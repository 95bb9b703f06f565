import type { Flow } from '../../../api/flows-route.ts';
import { addressWith } from '../../address-with.ts';
import { formatBytes, formatTime } from '../../format.ts';
import { State } from '../../parts/state.tsx';
import { Cell } from '../../parts/table.tsx';
import { VirtualTable } from '../../parts/virtual-list.tsx';
import { Link } from '../../router.tsx';
import { texts } from '../../texts.ts';
import { endName, flowName, serviceName } from './flow-names.ts';

const text = texts.flows;

/** Pixels: two lines with what is around them; three as a card. */
const rowHeight = { row: 60, card: 112 };

/** A flow of the list: one that was recorded by its number, a connection that lives by a name that it keeps. */
export type Listed = Flow & ({ readonly id: number } | { readonly id: null; readonly key: string });

export function FlowTable({ flows, now }: { flows: readonly Listed[]; now: number }) {
  const { columns } = text;
  return (
    <VirtualTable
      label={texts.pages.flows}
      kind="flows"
      columns={Object.values(columns)}
      items={flows}
      keyOf={(flow) => (flow.id === null ? flow.key : String(flow.id))}
      rowHeight={rowHeight}
      render={(flow) => (
        <>
          <Cell name={columns.time}>
            {flow.id === null ? (
              <span class="figure">{formatTime(flow.start, now)}</span>
            ) : (
              <Link
                to={addressWith({ flow: String(flow.id) })}
                class="row-link"
                aria-label={text.open(formatTime(flow.start, now), flowName(flow))}
              >
                {formatTime(flow.start, now)}
              </Link>
            )}
            <span class="quiet">{text.direction[flow.direction]}</span>
          </Cell>
          <Cell name={columns.from}>
            <End end={flow.from} />
          </Cell>
          <Cell name={columns.to}>
            <End end={flow.to} />
          </Cell>
          <Cell name={columns.service}>
            <code>{serviceName(flow)}</code>
          </Cell>
          <Cell name={columns.verdict}>
            <Verdict verdict={flow.verdict} />
            <span class="quiet">
              {flow.rule === null ? text.reason[flow.reason] : text.byRule(flow.rule)}
            </span>
          </Cell>
          <Cell name={columns.traffic} number>
            <span class="figure">{formatBytes(flow.sent.bytes)}</span>
            <span class="figure quiet">{text.back(formatBytes(flow.received.bytes))}</span>
          </Cell>
        </>
      )}
    />
  );
}

export function Verdict({ verdict }: { verdict: Flow['verdict'] }) {
  return <State mark={verdict === 'deny' ? 'down' : 'up'} word={text.verdict[verdict]} />;
}

function End({ end }: { end: Flow['from'] }) {
  const { devices, address, gateway } = end;
  const isElsewhere = gateway !== null && gateway !== 'this';
  return (
    <>
      <bdi class={devices.length > 0 ? 'cut' : 'cut figure'}>{endName(end)}</bdi>
      <span class="quiet cut">
        {devices.length > 0 && <code>{address}</code>} {isElsewhere && text.behind(gateway)}
      </span>
    </>
  );
}
