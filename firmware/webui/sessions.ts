import { toHex } from '../bytes/bytes.ts';
import type { Role } from './access.ts';
import { networkOf } from './client-network.ts';
import { limits } from './limits.ts';
import type { RandomBytes, ReadClock } from './ports.ts';

/** From where a session is used: what has to stay the same as long as it lasts. */
export interface Client {
  readonly address: string;
  readonly userAgent: string;
}

export interface Session {
  /** The secret in the cookie. */
  readonly id: string;
  /** By which it is spoken of; no secret. */
  readonly label: string;
  readonly user: { readonly name: string; readonly role: Role };
  /** The secret that requests which change something carry beside the cookie. */
  readonly csrfToken: string;
  /** Milliseconds that it lasts still, unless it is used. */
  readonly leftMs: number;
  /** Milliseconds for which dangerous acts are allowed; null where the password has to be given again. */
  readonly confirmedMs: number | null;
}

/** A session as others than its own browser may see it. */
export interface ListedSession {
  readonly label: string;
  readonly user: Session['user'];
  /** Where it was used last. */
  readonly client: Client;
  /** Milliseconds since it began, since it was last used, and that it lasts still unless it is used. */
  readonly ageMs: number;
  readonly idleMs: number;
  readonly leftMs: number;
}

export interface Sessions {
  /** A new session under a new secret, whatever the client had before. The oldest ends where there are too many. */
  /**
   * @param before a session of the same user that this one takes the place of: pages that were open under it go on, by the
   * header's text that they know
   */
  begin(user: Session['user'], client: Client, before?: Session | null): Session;
  /**
   * The session of a cookie. One that is used from elsewhere is ended: its secret has become known. `renew` is false for
   * what the page does by itself.
   */
  find(id: string, client: Client, options?: { readonly renew?: boolean }): Session | null;
  /** Whether it lasts still, without renewing it. */
  lasts(id: string): boolean;
  /** Allows dangerous acts for a while. */
  confirm(id: string): Session | null;
  end(id: string): void;
  /** Those that last, the one that was used last first. */
  list(): readonly ListedSession[];
  /** Ends one of the list. */
  endLabelled(label: string): void;
  /** Ends all of a user's, or everybody's, but for one. */
  endAll(which: { readonly user?: string; readonly except?: string }): void;
  count(): number;
}

interface Kept {
  readonly label: string;
  readonly user: Session['user'];
  readonly csrfToken: string;
  client: Client;
  readonly beganAt: number;
  usedAt: number;
  confirmedAt: number | null;
}

const [secretOctets, labelOctets] = [32, 6];

export interface SessionsPorts {
  readonly random: RandomBytes;
  /** Milliseconds since any moment: not the time of day, which jumps when the network sets it. */
  readonly elapsed: ReadClock;
  /** A session was used from elsewhere than it was begun at. */
  readonly onElsewhere: (user: string, address: string) => void;
}

/** Sessions live in memory: a restart signs everybody out. */
export function createSessions({ random, elapsed, onElsewhere }: SessionsPorts): Sessions {
  const sessions = new Map<string, Kept>();

  function current(id: string): Kept | null {
    const kept = sessions.get(id);
    if (kept === undefined) return null;
    if (elapsed() < endOf(kept)) return kept;
    sessions.delete(id);
    return null;
  }

  /** The user's own, where there is one: nobody signs others out by signing in. */
  function forgetOneFor(name: string): void {
    // In the order of their last use, since renewing puts a session at the end.
    const [oldest] = sessions.keys();
    const [own] = [...sessions].find(([, { user }]) => user.name === name) ?? [oldest];
    if (own !== undefined) sessions.delete(own);
  }

  function view(id: string, kept: Kept): Session {
    const { label, user, csrfToken, confirmedAt } = kept;
    const time = elapsed();
    const confirmedMs = confirmedAt === null ? 0 : confirmedAt + limits.confirmedMs - time;
    return {
      ...{ id, label, user, csrfToken, leftMs: endOf(kept) - time },
      confirmedMs: confirmedMs > 0 ? confirmedMs : null,
    };
  }

  return {
    begin(user, client, before = null) {
      for (const id of [...sessions.keys()]) current(id);
      if (sessions.size >= limits.sessions) forgetOneFor(user.name);
      const id = letters(random(secretOctets));
      const csrfToken = before?.user.name === user.name ? before.csrfToken : letters(random(secretOctets));
      const time = elapsed();
      const kept: Kept = {
        ...{ label: toHex(random(labelOctets)), user, csrfToken, client },
        ...{ beganAt: time, usedAt: time, confirmedAt: null },
      };
      sessions.set(id, kept);
      return view(id, kept);
    },
    find(id, client, { renew = true } = {}) {
      const kept = current(id);
      if (kept === null) return null;
      if (!isSame(kept.client, client)) {
        sessions.delete(id);
        onElsewhere(kept.user.name, client.address);
        return null;
      }
      if (renew) {
        kept.usedAt = elapsed();
        kept.client = client;
        sessions.delete(id);
        sessions.set(id, kept);
      }
      return view(id, kept);
    },
    lasts: (id) => current(id) !== null,
    confirm(id) {
      const kept = current(id);
      if (kept === null) return null;
      kept.confirmedAt = elapsed();
      return view(id, kept);
    },
    end: (id) => void sessions.delete(id),
    list() {
      const time = elapsed();
      return [...sessions]
        .filter(([id]) => current(id) !== null)
        .map(([, kept]) => ({
          ...{ label: kept.label, user: kept.user, client: kept.client },
          ...{ ageMs: time - kept.beganAt, idleMs: time - kept.usedAt, leftMs: endOf(kept) - time },
        }))
        .reverse();
    },
    endLabelled(label) {
      for (const [id, kept] of [...sessions]) if (kept.label === label) sessions.delete(id);
    },
    endAll({ user, except }) {
      for (const [id, kept] of [...sessions])
        if (id !== except && (user === undefined || kept.user.name === user)) sessions.delete(id);
    },
    count: () => sessions.size,
  };
}

function endOf({ beganAt, usedAt }: Kept): number {
  return Math.min(beganAt + limits.sessionMs, usedAt + limits.sessionIdleMs);
}

function isSame(one: Client, other: Client): boolean {
  return networkOf(one.address) === networkOf(other.address) && one.userAgent === other.userAgent;
}

/** Octets in letters that a cookie, a header and an address take as they are. */
function letters(octets: Uint8Array): string {
  return btoa(String.fromCharCode(...octets))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');
}
