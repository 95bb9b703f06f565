import type { StatusUpdate } from '../../api/status-schema.ts';
import { formatBytes } from '../format.ts';
import { Socket } from '../icons.tsx';
import type { Rates } from '../live.ts';
import { Empty, Section, Sparkline, State } from '../parts.tsx';
import type { MarkName } from '../summary.ts';
import { Cell, Row, Table } from '../table.tsx';
import { texts } from '../texts.ts';

type Interface = StatusUpdate['network']['interfaces'][number];

const text = texts.network;
/** No link is trouble on an uplink alone; tunnels and bridges often have none to tell of. */
function linkMark({ link, role }: Interface): MarkName {
  if (link === 'up') return 'up';
  return link === 'down' && role === 'underlay' ? 'down' : 'off';
}

const noRates: Rates = { received: [], sent: [] };

interface NetworkProps {
  network: StatusUpdate['network'];
  rates: ReadonlyMap<string, Rates>;
}

export function Network({ network, rates }: NetworkProps) {
  const { interfaces, state, detail } = network;
  // Bridges and tunnels have no socket.
  const ports = interfaces.filter(({ name }) => /^port\d+$/.test(name));
  const { columns } = text;
  return (
    <Section id="network" what={{ term: text.rolesTerm, meaning: text.rolesMeaning }}>
      {state !== 'applied' && (
        <div class="notice">
          <State
            mark={state === 'failed' ? 'down' : 'degraded'}
            word={state === 'failed' ? text.failed : text.applying}
          />
          {detail !== null && <p>{detail}</p>}
        </div>
      )}
      {interfaces.length === 0 && state !== 'applying' && (
        <Empty title={text.none} advice={text.noneAdvice} />
      )}
      {ports.length > 0 && (
        <ul class="face" aria-label={text.face}>
          {ports.map((each) => (
            <li key={each.name} class={`port role-${each.role} link-${each.link}`}>
              <Socket />
              <strong>{each.name}</strong>
              <span>{text.role[each.role]}</span>
              <State mark={linkMark(each)} word={text.link[each.link]} />
            </li>
          ))}
        </ul>
      )}
      {interfaces.length > 0 && (
        <Table label={texts.sections.network} kind="interfaces" columns={Object.values(columns)}>
          {interfaces.map((each) => (
            <InterfaceRow key={each.kernelName} each={each} rates={rates.get(each.kernelName) ?? noRates} />
          ))}
        </Table>
      )}
    </Section>
  );
}

function InterfaceRow({ each, rates }: { each: Interface; rates: Rates }) {
  const { columns } = text;
  const kernel = each.kernelName === each.name ? [] : [each.kernelName];
  return (
    <Row>
      <Cell name={columns.name} line="lead">
        <strong>{each.name}</strong>
        <span class="quiet">
          {[...kernel, ...(each.driver === null ? [] : [each.driver]), text.mtu(each.mtu)].join(' · ')}
        </span>
        {each.mac !== null && <code class="quiet">{each.mac}</code>}
      </Cell>
      <Cell name={columns.role}>{text.role[each.role]}</Cell>
      <Cell name={columns.link}>
        <State mark={linkMark(each)} word={text.link[each.link]} />
      </Cell>
      <Cell name={columns.addresses} line="wide">
        {each.addresses.length === 0 && <span class="quiet">{text.noAddress}</span>}
        {each.addresses.map((address) => (
          <code key={address}>{address}</code>
        ))}
      </Cell>
      <Cell name={columns.received} number named>
        <Counter bytes={each.receivedBytes} packets={each.receivedPackets} rates={rates.received} />
      </Cell>
      <Cell name={columns.sent} number named>
        <Counter bytes={each.sentBytes} packets={each.sentPackets} rates={rates.sent} />
      </Cell>
    </Row>
  );
}

function Counter({ bytes, packets, rates }: { bytes: number; packets: number; rates: readonly number[] }) {
  return (
    <>
      <span class="figure" title={text.packets(packets)}>
        {formatBytes(bytes)}
      </span>
      <span class="rate quiet">
        <Sparkline values={rates} />
        <span class="figure">{text.perSecond(formatBytes(rates.at(-1) ?? 0))}</span>
      </span>
    </>
  );
}
