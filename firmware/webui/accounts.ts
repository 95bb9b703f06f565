import type { Role } from './access.ts';
import { createAttemptLimits } from './attempt-limits.ts';
import type { KeepOwner } from './claim.ts';
import { createPasswords } from './passwords.ts';
import type { DerivePassword, RandomBytes, ReadClock, SecretFiles, Sha256, WriteLog } from './ports.ts';
import { type Client, createSessions, type Sessions } from './sessions.ts';
import { openTokens, type Tokens } from './tokens.ts';
import { openUsers, type Users } from './users.ts';

export interface AccountPorts {
  readonly secrets: SecretFiles;
  readonly derivePassword: DerivePassword;
  readonly sha256: Sha256;
  readonly random: RandomBytes;
  readonly now: ReadClock;
  /** Milliseconds since any moment; does not jump. */
  readonly elapsed: ReadClock;
  readonly log: WriteLog;
}

export type PasswordOutcome =
  | { readonly outcome: 'right'; readonly user: { readonly name: string; readonly role: Role } }
  | { readonly outcome: 'wrong' | 'busy' }
  | { readonly outcome: 'too-many-tries'; readonly retryAfterSeconds: number };

/** Who may use the box over the network, and who does. */
export interface Accounts {
  readonly users: Users;
  readonly sessions: Sessions;
  readonly tokens: Tokens;
  /** Whether the password is this user's, bounded by how often is asked from there and from everywhere. */
  verify(name: string, password: string, client: Client): Promise<PasswordOutcome>;
  /** The owner of a claim or a recovery. */
  keepOwner(name: string, password: string): KeepOwner;
}

export async function openAccounts(ports: AccountPorts): Promise<Accounts> {
  const { derivePassword, random, elapsed, log } = ports;
  const [users, tokens] = await Promise.all([
    openUsers({ ...ports, passwords: createPasswords(derivePassword, random) }),
    openTokens(ports),
  ]);
  const sessions = createSessions({
    ...{ random, elapsed },
    onElsewhere: (user, address) =>
      log('warning', `The session of ${user} was used from elsewhere (${address}) and has ended.`),
  });
  const attempts = createAttemptLimits();

  /** Whoever stands at the box sets an owner's password: everybody is signed out, and no bound is left. */
  async function setOwnerPassword(name: string, password: string) {
    const { outcome } = await users.setOwner(name, password);
    if (outcome !== 'done') return outcome === 'busy' ? 'busy' : 'not-stored';
    sessions.endAll({});
    attempts.lift();
    return 'done';
  }

  return {
    users,
    sessions,
    tokens,
    async verify(name, password, { address }) {
      const wait = attempts.take(address, elapsed());
      if (wait > 0) return { outcome: 'too-many-tries', retryAfterSeconds: Math.ceil(wait / 1000) };
      const user = await users.verify(name, password);
      if (user === 'busy') return { outcome: 'busy' };
      if (user === null) return { outcome: 'wrong' };
      attempts.succeeded(address);
      return { outcome: 'right', user: { name: user.name, role: user.role } };
    },
    keepOwner: (name, password) => async (why) => {
      if (why === 'recovery') return setOwnerPassword(name, password);
      const { outcome } = await users.begin(name, password);
      return outcome === 'done' || outcome === 'busy' ? outcome : 'not-stored';
    },
  };
}
