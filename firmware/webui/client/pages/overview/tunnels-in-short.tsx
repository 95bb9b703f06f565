import { useMemo } from 'preact/hooks';
import { formatBytes } from '../../format.ts';
import { Empty } from '../../parts/empty.tsx';
import { Section } from '../../parts/page.tsx';
import { Sparkline } from '../../parts/sparkline.tsx';
import { State } from '../../parts/state.tsx';
import { Cell, Row, Table } from '../../parts/table.tsx';
import { Link } from '../../router.tsx';
import { texts } from '../../texts.ts';
import { type Tunnel, tunnelCondition, tunnelMarks } from '../../tunnel-state.ts';
import { useBox } from '../../use-box.ts';
import { sortTunnels } from '../overlay/peers.ts';

const text = texts.overview.tunnels;
/** As many as are taken in at a glance; of more, those that are not up come first. */
const atMost = 8;

export function TunnelsInShort() {
  const { status, rates } = useBox();
  const { tunnels, claimed } = status;
  const shown = useShown(tunnels);
  const columns = Object.values(text.columns);
  return (
    <Section id="tunnels" title={text.title}>
      {tunnels.length === 0 ? (
        <Empty title={texts.overlay.none} advice={text.noneAdvice}>
          {claimed && <Link to="/setup">{texts.setup.goOn}</Link>}
        </Empty>
      ) : (
        <Table label={text.title} kind="tunnels-in-short" columns={columns}>
          {shown.map((tunnel) => {
            const { received = [], sent = [] } = rates.get(tunnel.hit) ?? {};
            return <TunnelRow key={tunnel.hit} {...{ tunnel, received, sent }} />;
          })}
        </Table>
      )}
      {tunnels.length > shown.length && (
        <p>
          <Link to="/overlay">{text.all(tunnels.length)}</Link>
        </p>
      )}
    </Section>
  );
}

/** Which and in what order is settled once for who there is, so that no row moves because a state does. */
function useShown(tunnels: readonly Tunnel[]): readonly Tunnel[] {
  const present = tunnels.map(({ hit }) => hit).join(' ');
  const order = useMemo(
    () =>
      (tunnels.length <= atMost ? tunnels : sortTunnels(tunnels, 'state').slice(0, atMost)).map(
        ({ hit }) => hit,
      ),
    [present],
  );
  const byHit = new Map(tunnels.map((tunnel) => [tunnel.hit, tunnel]));
  return order.flatMap((hit) => byHit.get(hit) ?? []);
}

interface TunnelRowProps {
  tunnel: Tunnel;
  received: readonly number[];
  sent: readonly number[];
}

function TunnelRow({ tunnel, received, sent }: TunnelRowProps) {
  const { peer, locator, roundTripMs } = tunnel;
  const { columns } = text;
  const condition = tunnelCondition(tunnel);
  return (
    <Row>
      <Cell name={columns.peer} line="lead">
        <Link to={`/overlay?peer=${encodeURIComponent(peer)}`}>
          <bdi>{peer}</bdi>
        </Link>
      </Cell>
      <Cell name={columns.state}>
        <State mark={tunnelMarks[condition]} word={texts.overlay.state[condition]} />
      </Cell>
      <Cell name={columns.path} line="wide">
        {locator === null ? <span class="quiet">{texts.overlay.noLocator}</span> : <code>{locator}</code>}
      </Cell>
      <Cell name={columns.roundTrip} number named>
        <span class="figure">{roundTripMs === null ? '–' : texts.trust.milliseconds(roundTripMs)}</span>
      </Cell>
      <Cell name={columns.received} number named>
        <Rate values={received} />
      </Cell>
      <Cell name={columns.sent} number named>
        <Rate values={sent} />
      </Cell>
    </Row>
  );
}

function Rate({ values }: { values: readonly number[] }) {
  return (
    <span class="rate quiet">
      <Sparkline values={values} />
      <span class="figure">{texts.network.perSecond(formatBytes(values.at(-1) ?? 0))}</span>
    </span>
  );
}
