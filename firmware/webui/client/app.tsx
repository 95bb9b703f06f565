import { useEffect, useState } from 'preact/hooks';
import { formatDuration, formatTime } from './format.ts';
import { Icon, Mark } from './icons.tsx';
import { firstView, type View, watchBox } from './live.ts';
import { State } from './parts.tsx';
import { Devices } from './sections/devices.tsx';
import { Log } from './sections/log.tsx';
import { Network } from './sections/network.tsx';
import { Overlay } from './sections/overlay.tsx';
import { Overview } from './sections/overview.tsx';
import { System } from './sections/system.tsx';
import { Trust } from './sections/trust.tsx';
import { texts } from './texts.ts';
import { BoxNow, boxTime, useTicks } from './use-now.ts';

type SectionName = keyof typeof texts.sections;
const tabs: readonly SectionName[] = ['overview', 'network', 'overlay', 'trust'];
const more: readonly SectionName[] = ['devices', 'system', 'log'];

export function App() {
  const [view, setView] = useState<View>(firstView);
  /** Null until the box has been claimed from this page; then whether that closes it. */
  const [claimedHere, setClaimedHere] = useState<{ pageCloses: boolean } | null>(null);
  useEffect(() => watchBox(setView), []);
  useTicks();
  const current = useSectionInView(view.status !== null);
  const { phase, status } = view;
  const now = boxTime(view);
  // A box that does not answer may not be up: its uptime stands still, while "ago" goes on.
  const sinceHeard = status !== null && phase === 'live' ? (now - Date.parse(status.time)) / 1000 : 0;
  const uptimeSeconds = (status?.uptimeSeconds ?? 0) + sinceHeard;

  useEffect(() => {
    const name = status === null ? texts.product : `${status.hostname} · ${texts.product}`;
    document.title = phase === 'offline' ? `${texts.connection.offline} · ${name}` : name;
  }, [phase, status?.hostname]);

  // What the address names exists only now; the browser looked for it before the box had answered.
  useEffect(() => {
    if (status !== null && location.hash.length > 1)
      document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }, [status === null]);

  return (
    <BoxNow.Provider value={now}>
      <a class="skip" href="#content">
        {texts.skip}
      </a>
      <header>
        <h1>
          <span class="product">{texts.product}</span>
          <bdi class="hostname">{status?.hostname ?? ''}</bdi>
        </h1>
        <LiveMark phase={phase} />
      </header>
      <Navigation current={current} />
      <main id="content" tabIndex={-1} class={phase === 'offline' ? 'offline' : undefined}>
        <Connection view={view} closed={claimedHere?.pageCloses === true} />
        {status !== null && (
          <>
            <Overview
              status={{ ...status, claimed: status.claimed || claimedHere !== null }}
              uptimeSeconds={uptimeSeconds}
              lastKnown={phase === 'offline'}
              onClaimed={(pageCloses) => setClaimedHere({ pageCloses })}
            />
            <Network network={status.network} rates={view.rates} />
            <Overlay tunnels={status.tunnels} />
            <Trust status={status} />
            <Devices devices={status.devices} inventory={status.inventory} />
            <System status={status} uptimeSeconds={uptimeSeconds} />
            <Log entries={view.log} />
          </>
        )}
      </main>
    </BoxNow.Provider>
  );
}

function LiveMark({ phase }: { phase: View['phase'] }) {
  const mark = phase === 'live' ? 'up' : phase === 'offline' ? 'down' : 'degraded';
  return (
    <div class="live">
      <State mark={mark} word={texts.connection[phase]} />
    </div>
  );
}

/** What stands above everything else while the box does not answer. */
function Connection({ view, closed }: { view: View; closed: boolean }) {
  const { phase, status, heardAt } = view;
  const text = texts.connection;
  if (phase === 'live') return null;
  if (status === null) {
    const offline = phase === 'offline';
    return (
      <div class="answer" role="status">
        <p class={`sentence ${offline ? 'state-down' : 'quiet'}`}>
          <Mark name={offline ? 'down' : 'degraded'} />
          <span>{offline ? text.neverAnswered : text.asking}</span>
        </p>
        <p class="advice">{offline ? text.neverAnsweredAdvice : ''}</p>
      </div>
    );
  }
  if (closed) {
    return (
      <div class="lost" role="status">
        <State mark="up" word={text.closed} />
        <p>{text.closedAdvice}</p>
      </div>
    );
  }
  const now = Date.now();
  return (
    <div class="lost" role="status" aria-atomic="true">
      <State mark="down" word={text.offline} />
      <p aria-live="off">{text.lost(formatTime(heardAt, now), formatDuration((now - heardAt) / 1000))}</p>
    </div>
  );
}

function Navigation({ current }: { current: SectionName }) {
  const link = (name: SectionName) => (
    <li key={name} class={more.includes(name) ? 'in-more' : undefined}>
      <a href={`#${name}`} aria-current={name === current ? 'location' : undefined}>
        <Icon name={name} />
        {texts.sections[name]}
      </a>
    </li>
  );
  return (
    <nav aria-label={texts.navigation}>
      <ul>
        {[...tabs, ...more].map(link)}
        <li class="more">
          <button type="button" popovertarget="more" class={more.includes(current) ? 'current' : undefined}>
            <Icon name="more" />
            {texts.more}
          </button>
          <ul id="more" popover="auto">
            {more.map((name) => (
              <li key={name}>
                <a href={`#${name}`} onClick={closeMore}>
                  <Icon name={name} />
                  {texts.sections[name]}
                </a>
              </li>
            ))}
          </ul>
        </li>
      </ul>
    </nav>
  );
}

const closeMore = () => document.getElementById('more')?.hidePopover();

/** The section whose heading was scrolled past last. */
function useSectionInView(ready: boolean): SectionName {
  const [current, setCurrent] = useState<SectionName>('overview');
  useEffect(() => {
    if (!ready) return;
    const look = () => {
      const atEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
      const names = [...tabs, ...more];
      const passed = names.filter(
        (name) => (document.getElementById(name)?.getBoundingClientRect().top ?? 1) < innerHeight / 3,
      );
      setCurrent((atEnd && scrollY > 0 ? names.at(-1) : passed.at(-1)) ?? 'overview');
    };
    look();
    addEventListener('scroll', look, { passive: true });
    return () => removeEventListener('scroll', look);
  }, [ready]);
  return current;
}
