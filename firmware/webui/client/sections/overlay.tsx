import { formatBytes } from '../format.ts';
import { Ago, Empty, Hit, Section, State } from '../parts.tsx';
import type { MarkName } from '../summary.ts';
import { Cell, Row, Table } from '../table.tsx';
import { texts } from '../texts.ts';
import { type Tunnel, type TunnelCondition, tunnelCondition } from '../tunnel-state.ts';

const text = texts.overlay;
const marks: Record<TunnelCondition, MarkName> = {
  up: 'up',
  idle: 'off',
  connecting: 'degraded',
  closing: 'degraded',
  down: 'down',
};

export function Overlay({ tunnels }: { tunnels: readonly Tunnel[] }) {
  const { columns } = text;
  return (
    <Section id="overlay" what={{ term: text.term, meaning: text.meaning }}>
      {tunnels.length === 0 ? (
        <Empty title={text.none} advice={text.noneAdvice} />
      ) : (
        <Table label={texts.sections.overlay} kind="tunnels" columns={Object.values(columns)}>
          {tunnels.map((tunnel) => (
            <TunnelRow key={tunnel.hit} tunnel={tunnel} />
          ))}
        </Table>
      )}
    </Section>
  );
}

function Dropped({ tunnel: { dropped } }: { tunnel: Tunnel }) {
  const counts = Object.entries(text.dropped)
    .map(([reason, word]) => [dropped[reason as keyof typeof dropped], word] as const)
    .filter(([count]) => count > 0);
  if (counts.length === 0) return null;
  return <span class="error-line">{text.droppedLine(counts)}</span>;
}

function TunnelRow({ tunnel }: { tunnel: Tunnel }) {
  const { columns } = text;
  const condition = tunnelCondition(tunnel);
  return (
    <Row>
      <Cell name={columns.peer} line="lead">
        <strong>
          <bdi>{tunnel.peer}</bdi>
        </strong>
        <Hit hit={tunnel.hit} label={text.copyHit(tunnel.peer)} />
      </Cell>
      <Cell name={columns.state}>
        <State mark={marks[condition]} word={text.state[condition]} />
        <span class="quiet">{tunnel.state}</span>
      </Cell>
      <Cell name={columns.locator} line="wide">
        {tunnel.locator === null ? (
          <span class="quiet">{text.noLocator}</span>
        ) : (
          <code>{tunnel.locator}</code>
        )}
        {tunnel.espSuite !== null && <span class="quiet">{text.association(tunnel.espSuite, tunnel)}</span>}
        {tunnel.traffic.sentPackets + tunnel.traffic.receivedPackets > 0 && (
          <span class="quiet">
            {text.traffic(formatBytes(tunnel.traffic.sentBytes), formatBytes(tunnel.traffic.receivedBytes))}
          </span>
        )}
        <Dropped tunnel={tunnel} />
        {tunnel.lastError !== null && <span class="error-line">{text.lastError(tunnel.lastError)}</span>}
      </Cell>
      <Cell name={columns.networks} named>
        {tunnel.protectedPrefixes.length === 0 && <span class="quiet">{texts.none}</span>}
        {tunnel.protectedPrefixes.map((prefix) => (
          <code key={prefix}>{prefix}</code>
        ))}
      </Cell>
      <Cell name={columns.since} named>
        {tunnel.establishedAt === null ? (
          <span class="quiet">{text.notUp}</span>
        ) : (
          <Ago iso={tunnel.establishedAt} />
        )}
      </Cell>
    </Row>
  );
}
