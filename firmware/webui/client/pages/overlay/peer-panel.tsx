import { useState } from 'preact/hooks';
import { addressWith } from '../../address-with.ts';
import { call } from '../../api.ts';
import { formatBytes, hitGroups } from '../../format.ts';
import type { Rates } from '../../live.ts';
import { Ago } from '../../parts/ago.tsx';
import { Fact, Facts } from '../../parts/facts.tsx';
import { WholeHit } from '../../parts/hit.tsx';
import { Notice, ProblemNotice } from '../../parts/notice.tsx';
import { SidePanel } from '../../parts/side-panel.tsx';
import { Sparkline } from '../../parts/sparkline.tsx';
import { State } from '../../parts/state.tsx';
import { verbatim } from '../../parts/verbatim.ts';
import { Link, navigate } from '../../router.tsx';
import { changeSettings } from '../../settings/settings-change.tsx';
import { texts } from '../../texts.ts';
import { type Tunnel, tunnelCondition, tunnelMarks } from '../../tunnel-state.ts';
import { useAction } from '../../use-action.ts';
import { compareHit, withoutPeer } from './peers.ts';

const text = texts.overlay;
const { panel } = text;

interface PeerPanelProps {
  tunnel: Tunnel;
  rates: Rates | undefined;
  mayChange: boolean;
}

/** All that is known of a peer and the association with it. */
export function PeerPanel({ tunnel, rates, mayChange }: PeerPanelProps) {
  const { peer, hit, locator, role, establishedAt, espSuite, spis, pathMtu, roundTripMs, rekeys } = tunnel;
  const condition = tunnelCondition(tunnel);
  return (
    <SidePanel title={peer} onClose={() => navigate(addressWith({ peer: null }))}>
      <p class="peer-state">
        <State mark={tunnelMarks[condition]} word={text.state[condition]} />
        <span class="quiet">{tunnel.state}</span>
      </p>
      {tunnel.lastError !== null && (
        <Notice mark="attention" word={text.lastError(tunnel.lastError)}>
          <p>{adviceFor(tunnel.lastError)}</p>
        </Notice>
      )}
      <Facts>
        <Fact name="HIT">
          <WholeHit hit={hit} label={text.copyHit(peer)} />
          <CompareHit key={hit} hit={hit} />
        </Fact>
        <Fact name={panel.path}>
          {locator === null ? (
            <span class="quiet">{text.noLocator}</span>
          ) : (
            <>
              {establishedAt !== null && <span>{panel.direct}</span>}
              <code>{locator}</code>
            </>
          )}
        </Fact>
        <Fact name={text.columns.networks}>
          {tunnel.protectedPrefixes.length === 0 && <span class="quiet">{texts.none}</span>}
          {tunnel.protectedPrefixes.map((prefix) => (
            <code key={prefix}>{prefix}</code>
          ))}
        </Fact>
        <Fact name={text.since}>
          {establishedAt === null ? <span class="quiet">{text.notUp}</span> : <Ago iso={establishedAt} />}
          <span class="quiet">{panel.connect[tunnel.connect]}</span>
        </Fact>
        {role !== null && <Fact name={panel.role}>{panel.roles[role]}</Fact>}
        {role !== null && (
          <Fact name={text.columns.roundTrip}>
            {roundTripMs === null ? (
              <span class="quiet">{panel.roundTripUnknown}</span>
            ) : (
              <>
                <span class="figure">{text.milliseconds(roundTripMs)}</span>
                <span class="quiet">{panel.roundTripOf}</span>
              </>
            )}
          </Fact>
        )}
      </Facts>
      <h3>{panel.traffic}</h3>
      <Facts>
        <Fact name={panel.sent}>
          <Way bytes={tunnel.traffic.sentBytes} packets={tunnel.traffic.sentPackets} rates={rates?.sent} />
        </Fact>
        <Fact name={panel.received}>
          <Way
            bytes={tunnel.traffic.receivedBytes}
            packets={tunnel.traffic.receivedPackets}
            rates={rates?.received}
          />
        </Fact>
        {dropReasons.map((reason) => (
          <Fact key={reason} name={panel.dropped[reason]}>
            <span class={tunnel.dropped[reason] > 0 ? 'figure error' : 'figure'}>
              {tunnel.dropped[reason].toLocaleString('en-GB')}
            </span>
          </Fact>
        ))}
      </Facts>
      {espSuite !== null && (
        <>
          <h3>ESP</h3>
          <Facts>
            <Fact name={panel.suite}>{espSuite}</Fact>
            <Fact name={panel.rekeys}>{rekeys}</Fact>
            {spis !== null && (
              <Fact name={panel.spis}>
                <span>
                  {panel.spiIn} <code>{hex(spis.ours)}</code>
                </span>
                <span>
                  {panel.spiOut} <code>{hex(spis.theirs)}</code>
                </span>
              </Fact>
            )}
            <Fact name={panel.pathMtu}>{pathMtu === null ? texts.unknown : panel.octets(pathMtu)}</Fact>
          </Facts>
        </>
      )}
      {mayChange && <Acts tunnel={tunnel} />}
      <p class="actions">
        <Link to={`/flows?verdict=all&gateway=${encodeURIComponent(peer)}`}>{panel.flows}</Link>
      </p>
    </SidePanel>
  );
}

const dropReasons = ['wrongSource', 'tooOld', 'replayed', 'forged'] as const;

const hex = (spi: number) => `0x${spi.toString(16).padStart(8, '0')}`;

function Way({
  bytes,
  packets,
  rates,
}: {
  bytes: number;
  packets: number;
  rates: readonly number[] | undefined;
}) {
  const now = rates?.at(-1);
  return (
    <>
      <span class="figure">
        {formatBytes(bytes)}, {texts.network.packets(packets)}
      </span>
      {now !== undefined && (
        <span class="rate">
          <Sparkline values={rates ?? []} />{' '}
          <span class="figure">{texts.network.perSecond(formatBytes(now))}</span>
        </span>
      )}
    </>
  );
}

function adviceFor(error: string): string {
  return text.errorAdvice.find(([pattern]) => pattern.test(error))?.[1] ?? text.errorAdviceElse;
}

/** Somebody at the other end reads a HIT out or sends it: whether it is this one. */
function CompareHit({ hit }: { hit: string }) {
  const [pasted, setPasted] = useState('');
  const differing = compareHit(hit, pasted);
  const groups = hitGroups(hit);
  return (
    <details class="compare">
      <summary>{panel.compare}</summary>
      <label>
        {panel.compareWith}
        <input
          class="mono"
          value={pasted}
          {...verbatim}
          onInput={({ currentTarget }) => setPasted(currentTarget.value)}
        />
      </label>
      <div role="status">
        {pasted.trim() !== '' &&
          (differing === null ? (
            <State mark="off" word={panel.noHit} />
          ) : (
            <State
              mark={differing.length === 0 ? 'up' : 'attention'}
              word={
                differing.length === 0
                  ? panel.same
                  : panel.different(differing.map((index) => groups[index] ?? ''))
              }
            />
          ))}
      </div>
    </details>
  );
}

function Acts({ tunnel: { peer, hit, connect } }: { tunnel: Tunnel }) {
  const { busy, problem, run } = useAction();
  const [asked, setAsked] = useState(false);
  const renew = async () => {
    const path = `/api/v1/associations/${encodeURIComponent(hit)}/renew`;
    const done = await run(() => call<{ readonly hit: string }>('POST', path, {}));
    setAsked(done !== undefined);
  };
  const remove = async () => {
    const changed = await changeSettings({
      title: panel.removeTitle(peer),
      edit: (settings) => withoutPeer(settings, peer),
    });
    if (changed.outcome === 'on-trial') navigate(addressWith({ peer: null }));
  };
  return (
    <>
      <p class="actions">
        <button type="button" class="plain" aria-disabled={busy} onClick={() => void renew()}>
          {connect === 'always' ? panel.reconnect : panel.close}
        </button>
        <Link class="button" to={addressWith({ peer: null, edit: peer })}>
          {panel.edit}
        </Link>
        <button type="button" class="plain" onClick={() => void remove()}>
          {panel.remove}
        </button>
      </p>
      <p class="quiet" role="status">
        {asked && panel.asked}
      </p>
      {problem !== null && <ProblemNotice problem={problem} />}
    </>
  );
}
