import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { StatusUpdate } from '../api/status-schema.ts';
import { Connection, LiveMark } from './connection.tsx';
import { firstView, type View, watchBox } from './live.ts';
import { Later, loadSoon } from './load-later.tsx';
import { Navigation } from './navigation.tsx';
import { Overview } from './pages/overview.tsx';
import { Setup } from './pages/setup.tsx';
import { SignIn } from './pages/sign-in.tsx';
import { TrialBar } from './parts/trial-bar.tsx';
import { navigate, type PageName, usePage } from './router.tsx';
import { findSession, keepSession } from './session.ts';
import { SessionPrompts } from './session-prompts.tsx';
import { useSession } from './session-state.ts';
import { SettingsChange } from './settings/settings-change.tsx';
import { texts } from './texts.ts';
import { useAfterPaint } from './use-after-paint.ts';
import { type Box, BoxView } from './use-box.ts';
import { BoxNow, boxTime, useTicks } from './use-now.ts';
import { UserMenu } from './user-menu.tsx';

export function App() {
  const [view, setView] = useState<View>(firstView);
  /** Whether claiming from this page has closed it. */
  const [closed, setClosed] = useState(false);
  useEffect(() => watchBox(setView), []);
  useEffect(() => void findSession(), []);
  useEffect(keepSession, []);
  useTicks();
  const asked = usePage();
  const { state } = useSession();
  const { phase, status, rates, log } = view;
  const box = useMemo<Box | null>(
    () => (status === null ? null : { status, rates, log, live: phase === 'live' }),
    [status, rates, log, phase],
  );
  const chosen: PageName =
    status === null && phase === 'closed' && state.kind === 'nobody' ? 'sign-in' : asked;
  const page = useAfterPaint(chosen);
  // Drawn anew where what it is made of changes, not with every second and every key that the rest follows.
  const content = useMemo(() => <Content page={page} onClaimed={setClosed} />, [page]);
  useFirstUse(status);
  useTitle(page, view);
  useHeadingFocus(page, box !== null);
  useEffect(loadSoon, []);

  return (
    <BoxNow.Provider value={boxTime(view)}>
      <a class="skip" href="#content">
        {texts.skip}
      </a>
      <header>
        <p class="box-name">
          <span class="product">{texts.product}</span>
          <bdi class="hostname">{status?.hostname ?? ''}</bdi>
        </p>
        <div class="head-end">
          {page !== 'sign-in' && <LiveMark phase={phase} />}
          <UserMenu />
        </div>
      </header>
      {!isAlone(page) && <Navigation current={chosen} />}
      <main id="content" tabIndex={-1} class={mainClass(page, phase)}>
        <TrialBar view={view} />
        {page === 'sign-in' ? <SignIn /> : <Connection view={view} closed={closed} />}
        {box !== null && <BoxView.Provider value={box}>{content}</BoxView.Provider>}
      </main>
      <SettingsChange />
      <SessionPrompts />
    </BoxNow.Provider>
  );
}

/** Pages that ask one thing, without ways to others beside it. */
function isAlone(page: PageName): boolean {
  return page === 'setup' || page === 'sign-in';
}

function mainClass(page: PageName, phase: View['phase']): string {
  // Of a box that tells nothing there is nothing that could be out of date.
  const stale = page !== 'sign-in' && (phase === 'offline' || phase === 'closed');
  return [isAlone(page) && 'alone', stale && 'offline'].filter(Boolean).join(' ');
}

/** Who opens the page of a box that belongs to nobody wants to set it up. */
function useFirstUse(status: StatusUpdate | null): void {
  const known = status !== null;
  useEffect(() => {
    if (status !== null && !status.claimed && location.pathname === '/' && location.search === '')
      navigate(`/setup${location.hash}`, { replace: true });
  }, [known]);
}

interface ContentProps {
  page: PageName;
  onClaimed: (pageCloses: boolean) => void;
}

function Content({ page, onClaimed }: ContentProps) {
  switch (page) {
    case 'overview':
      return <Overview />;
    case 'network':
      return <Later name="Network" />;
    case 'overlay':
      return <Later name="Overlay" />;
    case 'devices':
      return <Later name="Devices" />;
    case 'policy':
      return <Later name="Policy" />;
    case 'flows':
      return <Later name="Flows" />;
    case 'trust':
      return <Later name="Trust" />;
    case 'system':
      return <Later name="System" />;
    case 'setup':
      return <Setup onClaimed={onClaimed} />;
    case 'sign-in':
      return null;
  }
}

const titles = { ...texts.pages, setup: texts.setup.begin, 'sign-in': texts.signIn.submit };

function useTitle(page: PageName, { phase, status }: View): void {
  useEffect(() => {
    const parts = [
      phase === 'offline' && texts.connection.offline,
      page !== 'overview' && titles[page],
      status?.hostname,
      texts.product,
    ];
    document.title = parts.filter(Boolean).join(' · ');
  }, [page, phase, status?.hostname]);
}

/**
 * Another page begins at its heading for who does not see it change. What the address names exists only once the box has
 * answered; the browser looked for it before.
 */
function useHeadingFocus(page: PageName, ready: boolean): void {
  const shown = useRef<PageName | null>(null);
  useEffect(() => {
    if (!ready) return;
    const named = location.hash.length > 1 ? document.getElementById(location.hash.slice(1)) : null;
    named?.scrollIntoView();
    if (shown.current !== null && shown.current !== page && named === null)
      document.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true });
    shown.current = page;
  }, [page, ready]);
}
