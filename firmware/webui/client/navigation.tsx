import { Icon } from './icons.tsx';
import { Link, type PageName, pagePaths } from './router.tsx';
import { texts } from './texts.ts';

type Shown = keyof typeof texts.pages;

/** The tabs of a phone; what is left stands behind More there. */
const tabs: readonly Shown[] = ['overview', 'network', 'overlay', 'flows'];
const more: readonly Shown[] = ['devices', 'policy', 'trust', 'system'];
/** As a person meets them; on a phone the order of the tabs is the same. */
const inOrder = ['overview', 'network', 'overlay', 'devices', 'policy', 'flows', 'trust', 'system'] as const;

export function Navigation({ current }: { current: PageName }) {
  const link = (name: Shown, place?: string) => (
    <li key={name} class={place}>
      <Link to={pagePaths[name]} aria-current={name === current ? 'page' : undefined} onFollow={closeMore}>
        <Icon name={name} />
        {texts.pages[name]}
      </Link>
    </li>
  );
  return (
    <nav aria-label={texts.navigation}>
      <ul>
        {inOrder.map((name) => link(name, tabs.includes(name) ? 'tab' : 'in-more'))}
        <li class="more">
          <button
            type="button"
            popovertarget="more"
            class={more.some((name) => name === current) ? 'current' : undefined}
          >
            <Icon name="more" />
            {texts.more}
          </button>
          <ul id="more" popover="auto">
            {more.map((name) => link(name))}
          </ul>
        </li>
      </ul>
    </nav>
  );
}

const closeMore = () => document.getElementById('more')?.hidePopover();
