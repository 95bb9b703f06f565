import { useMemo } from 'preact/hooks';
import { addressWith } from '../address-with.ts';
import { formatBytes } from '../format.ts';
import type { Rates } from '../live.ts';
import { Ago } from '../parts/ago.tsx';
import { Answer } from '../parts/answer.tsx';
import { Chips } from '../parts/chips.tsx';
import { Empty } from '../parts/empty.tsx';
import { Hit } from '../parts/hit.tsx';
import { Page } from '../parts/page.tsx';
import { Sparkline } from '../parts/sparkline.tsx';
import { State } from '../parts/state.tsx';
import { Cell } from '../parts/table.tsx';
import { verbatim } from '../parts/verbatim.ts';
import { VirtualTable } from '../parts/virtual-list.tsx';
import { Link, navigate, useRoute } from '../router.tsx';
import { type Summary, tunnelTrouble } from '../summary.ts';
import { texts } from '../texts.ts';
import { type Tunnel, tunnelCondition, tunnelMarks } from '../tunnel-state.ts';
import { useAfterPaint } from '../use-after-paint.ts';
import { useBox } from '../use-box.ts';
import { useMay } from '../use-may.ts';
import { OwnIdentity } from './overlay/own-identity.tsx';
import { PeerForm } from './overlay/peer-form.tsx';
import { PeerPanel } from './overlay/peer-panel.tsx';
import { type Sort, sorts, sortTunnels, tunnelMatches } from './overlay/peers.ts';

const text = texts.overlay;
/** Pixels: a row of two lines, a card of three. */
const rowHeight = { row: 68, card: 124 };
/** Fewer are seen at a glance. */
const searchedFrom = 6;

export function Overlay() {
  const { status, rates } = useBox();
  const { tunnels } = status;
  const { query } = useRoute();
  const mayChange = useMay('change');
  const wanted = query.get('find') ?? '';
  const sort = sorts.find((each) => each === query.get('sort')) ?? 'state';
  const found = useAfterPaint(wanted);
  const shown = useInOrder(tunnels, found, sort);
  // A table takes long to draw; a key is answered before.
  const table = useMemo(
    () => (
      <VirtualTable
        label={texts.pages.overlay}
        kind="tunnels"
        columns={Object.values(text.columns)}
        items={shown}
        keyOf={({ hit }) => hit}
        rowHeight={rowHeight}
        render={(tunnel) => <TunnelCells tunnel={tunnel} rates={rates.get(tunnel.hit)} />}
      />
    ),
    [shown, rates],
  );
  const opened = tunnels.find(({ peer }) => peer === query.get('peer'));
  const edited = query.get('edit');
  return (
    <Page name="overlay" what={{ term: text.term, meaning: text.meaning }}>
      <Answer {...summaryOf(tunnels)} />
      <div class="list-head">
        {tunnels.length >= searchedFrom && <Search wanted={wanted} sort={sort} />}
        {mayChange && (
          <Link class="button" to={addressWith({ add: 'peer', peer: null })}>
            {text.form.add}
          </Link>
        )}
      </div>
      {tunnels.length === 0 && <Empty title={text.none} advice={text.noneAdvice} />}
      {tunnels.length > 0 && shown.length === 0 && <Empty title={text.noneFound(found)} />}
      {shown.length > 0 && table}
      <OwnIdentity />
      {opened !== undefined && (
        <PeerPanel key={opened.hit} tunnel={opened} rates={rates.get(opened.hit)} mayChange={mayChange} />
      )}
      {mayChange && (query.get('add') === 'peer' || edited !== null) && (
        <PeerForm key={edited} name={edited} />
      )}
    </Page>
  );
}

/** The order is made once for what is asked and who there is: rows do not change places because states do. */
function useInOrder(tunnels: readonly Tunnel[], wanted: string, sort: Sort): readonly Tunnel[] {
  const present = tunnels.map(({ hit }) => hit).join(' ');
  const order = useMemo(
    () => sortTunnels(tunnels, sort).map(({ hit }) => hit),
    // Not by the tunnels themselves, which are others every two seconds.
    [present, sort],
  );
  return useMemo(() => {
    const byHit = new Map(tunnels.map((tunnel) => [tunnel.hit, tunnel]));
    return order.flatMap((hit) => byHit.get(hit) ?? []).filter((tunnel) => tunnelMatches(tunnel, wanted));
  }, [order, tunnels, wanted]);
}

function Search({ wanted, sort }: { wanted: string; sort: Sort }) {
  return (
    <search class="peer-search" aria-label={text.search}>
      <label>
        <span class="only-read">{text.search}</span>
        <input
          type="search"
          value={wanted}
          placeholder={text.searchHint}
          {...verbatim}
          onInput={({ currentTarget }) =>
            navigate(addressWith({ find: currentTarget.value, peer: null }), { replace: true })
          }
        />
      </label>
      <Chips
        legend={text.sort}
        name="sort"
        choices={sorts.map((each) => ({ value: each, label: text.sorts[each] }))}
        value={sort}
        onChoose={(chosen) => navigate(addressWith({ sort: chosen === 'state' ? null : chosen }))}
      />
    </search>
  );
}

function TunnelCells({ tunnel, rates }: { tunnel: Tunnel; rates: Rates | undefined }) {
  const { columns } = text;
  const { peer, hit, locator, establishedAt, protectedPrefixes, roundTripMs, lastError } = tunnel;
  const condition = tunnelCondition(tunnel);
  return (
    <>
      <Cell name={columns.peer} line="lead">
        <Link class="row-link" to={addressWith({ peer, edit: null, add: null })}>
          <bdi class="cut">{peer}</bdi>
        </Link>
        <Hit hit={hit} label={text.copyHit(peer)} />
      </Cell>
      <Cell name={columns.state}>
        <State mark={tunnelMarks[condition]} word={text.state[condition]} />
        {establishedAt === null ? (
          <span class="quiet">{tunnel.state}</span>
        ) : (
          <span class="quiet">
            <Ago iso={establishedAt} />
          </span>
        )}
      </Cell>
      <Cell name={columns.path}>
        {locator === null ? <span class="quiet">{text.noLocator}</span> : <code class="cut">{locator}</code>}
        {lastError === null ? (
          <span class="quiet">{establishedAt !== null && text.panel.direct}</span>
        ) : (
          <span class="error-line cut" title={lastError}>
            {lastError}
          </span>
        )}
      </Cell>
      <Cell name={columns.networks}>
        <code class="cut" title={protectedPrefixes.join(', ')}>
          {protectedPrefixes[0] ?? texts.none}
        </code>
        {protectedPrefixes.length > 1 && (
          <span class="quiet">{texts.andMore(protectedPrefixes.length - 1)}</span>
        )}
      </Cell>
      <Cell name={columns.roundTrip} number>
        <span class="figure">{roundTripMs === null ? '–' : text.milliseconds(roundTripMs)}</span>
      </Cell>
      <Cell name={columns.traffic} number>
        <Rate values={rates?.sent} label={text.panel.sent} />
        <Rate values={rates?.received} label={text.panel.received} />
      </Cell>
    </>
  );
}

function Rate({ values = [], label }: { values?: readonly number[] | undefined; label: string }) {
  const now = values.at(-1);
  return (
    <span class="rate" title={label}>
      <Sparkline values={values} />
      <span class="figure">
        <span class="only-read">{label} </span>
        {now === undefined ? '–' : texts.network.perSecond(formatBytes(now))}
      </span>
    </span>
  );
}

function summaryOf(tunnels: readonly Tunnel[]): Summary {
  const trouble = tunnelTrouble({ tunnels: [...tunnels] });
  if (trouble !== null)
    return { ...trouble, advice: trouble.mark === 'down' ? trouble.advice : text.openAdvice };
  if (tunnels.length === 0) return { mark: 'off', sentence: text.none, advice: null };
  const idle = tunnels.filter((tunnel) => tunnelCondition(tunnel) === 'idle').length;
  return { mark: 'up', sentence: text.allWell(tunnels.length - idle, idle), advice: null };
}
