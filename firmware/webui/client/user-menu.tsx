import { useState } from 'preact/hooks';
import { Icon } from './icons.tsx';
import { Link } from './router.tsx';
import { signOut } from './session.ts';
import { useSession } from './session-state.ts';
import { texts } from './texts.ts';

const text = texts.session;

/** Who is signed in, what they may do, and the way out. */
export function UserMenu() {
  const { state } = useSession();
  const [problem, setProblem] = useState<string | null>(null);
  if (state.kind !== 'user') return null;
  const { name, role } = state.session.user;
  const leave = async () => setProblem((await signOut())?.detail ?? null);
  return (
    <div class="user">
      <button type="button" class="user-button" popovertarget="user-menu" aria-label={text.menu(name)}>
        <Icon name="user" />
        <bdi>{name}</bdi>
      </button>
      <div id="user-menu" popover="auto">
        <p>
          <strong>
            <bdi>{name}</bdi>
          </strong>
          <span class="quiet">{text.role[role]}</span>
        </p>
        <Link to="/system?tab=access" onFollow={close}>
          {text.users}
        </Link>
        <button type="button" onClick={() => void leave()}>
          {text.signOut}
        </button>
        {problem !== null && (
          <p class="error" role="alert">
            {problem}
          </p>
        )}
      </div>
    </div>
  );
}

const close = () => document.getElementById('user-menu')?.hidePopover();
