import { Link } from '../router.tsx';

interface TabsProps<Name extends string> {
  label: string;
  tabs: readonly { readonly name: Name; readonly label: string }[];
  current: Name;
  /** Its address; the browser's own buttons go between them. */
  to: (name: Name) => string;
}

/** Parts of a page that have addresses of their own. */
export function Tabs<Name extends string>({ label, tabs, current, to }: TabsProps<Name>) {
  return (
    <nav class="tabs" aria-label={label}>
      <ul>
        {tabs.map((tab) => (
          <li key={tab.name}>
            <Link to={to(tab.name)} aria-current={tab.name === current ? 'page' : undefined}>
              {tab.label}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
