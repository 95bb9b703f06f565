import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useState } from 'preact/hooks';

/** Every page by its path; the server answers each of them with the page file (`pagePaths` there). */
export const pagePaths = {
  overview: '/',
  network: '/network',
  overlay: '/overlay',
  devices: '/devices',
  policy: '/policy',
  flows: '/flows',
  trust: '/trust',
  system: '/system',
  setup: '/setup',
  'sign-in': '/sign-in',
} as const;
export type PageName = keyof typeof pagePaths;

export interface Route {
  readonly page: PageName;
  /** Views, filters and opened panels: `?peer=plant`. */
  readonly query: URLSearchParams;
}

/** A path without a page is the overview: the server answers those with an error and never with this page. */
export function readRoute(address: { readonly pathname: string; readonly search: string }): Route {
  const [page = 'overview'] = Object.entries(pagePaths).find(([, path]) => path === address.pathname) ?? [];
  return { page: page as PageName, query: new URLSearchParams(address.search) };
}

const followers = new Set<() => void>();
const tell = () => {
  for (const follow of followers) follow();
};

/** The page that is asked for now. */
export function usePage(): PageName {
  return useLocation((_, { page }) => page);
}

/** Where on its page a component is now. Another page's address is not its: it is about to go. */
export function useRoute(): Route {
  return useLocation<Route>((before, now) => (before === null || before.page === now.page ? now : before));
}

/** Follows the address through links, `navigate` and the browser's own buttons. */
function useLocation<Seen>(see: (before: Seen | null, now: Route) => Seen): Seen {
  const [seen, setSeen] = useState(() => see(null, readRoute(location)));
  useEffect(() => {
    const follow = () => setSeen((before) => see(before, readRoute(location)));
    // The address may have changed since it was first read.
    follow();
    followers.add(follow);
    addEventListener('popstate', follow);
    return () => {
      followers.delete(follow);
      removeEventListener('popstate', follow);
    };
  }, []);
  return seen;
}

/** Goes to another page or view. `replace` for what back should not return to. */
export function navigate(to: string, { replace = false }: { readonly replace?: boolean } = {}): void {
  const from = location.pathname;
  if (replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  tell();
  if (location.pathname !== from) scrollTo(0, 0);
}

/** One value of the query and the way to change it; the empty text takes it out. Back undoes a change. */
export function useQueryParameter(name: string): [string, (value: string) => void] {
  const { query } = useRoute();
  const change = useCallback(
    (value: string) => {
      const url = new URL(location.href);
      if (value === '') url.searchParams.delete(name);
      else url.searchParams.set(name, value);
      navigate(`${url.pathname}${url.search}`);
    },
    [name],
  );
  return [query.get(name) ?? '', change];
}

interface LinkProps {
  /** A path with its query, as it stands in the address. */
  to: string;
  class?: string | undefined;
  'aria-label'?: string;
  'aria-current'?: 'page' | undefined;
  onFollow?: () => void;
  children: ComponentChildren;
}

/** A link to a page or view of the box. With a modifier key, or the middle button, it is the browser's as any other. */
export function Link({ to, onFollow, children, ...rest }: LinkProps) {
  const follow = (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    onFollow?.();
    navigate(to);
  };
  return (
    <a {...rest} href={to} onClick={follow}>
      {children}
    </a>
  );
}
