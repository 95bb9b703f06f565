import type { Role } from './access.ts';
import { type Attempt, createAttemptLimits } from './attempt-limits.ts';
import type { KeepOwner } from './claim.ts';
import { createPasswords } from './passwords.ts';
import type {
  DerivePassword,
  RandomBytes,
  ReadClock,
  SecretFiles,
  SecurityKeys,
  Sha256,
  WriteLog,
} from './ports.ts';
import { createSecondFactor, type KeyProblem, type SecondFactor } from './second-factor.ts';
import { type Client, createSessions, type Sessions } from './sessions.ts';
import { openTokens, type Tokens } from './tokens.ts';
import { openUsers, type Users } from './users.ts';

export interface AccountPorts {
  readonly secrets: SecretFiles;
  readonly derivePassword: DerivePassword;
  readonly sha256: Sha256;
  readonly securityKeys: SecurityKeys;
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

/** What somebody has proven, or why not. `key-needed`: the password is right, and the touch of a key is missing. */
export type SignInOutcome =
  | (Extract<PasswordOutcome, { readonly outcome: 'right' }> & { readonly key: string | null })
  | Exclude<PasswordOutcome, { readonly outcome: 'right' }>
  | { readonly outcome: 'key-needed' }
  | KeyProblem;

/** Who may use the box over the network, and who does. */
export interface Accounts {
  readonly users: Users;
  readonly sessions: Sessions;
  readonly tokens: Tokens;
  readonly secondFactor: SecondFactor;
  /** Whether the password is this user's, bounded by how often is asked from there and from everywhere. */
  verify(name: string, password: string, client: Client): Promise<PasswordOutcome>;
  /**
   * The same, and a touch of one of the user's security keys where they have any: with `touch` it is waited for, as long
   * as the signal lets it.
   */
  prove(
    given: { readonly name: string; readonly password: string; readonly touch: boolean },
    client: Client,
    signal: AbortSignal,
  ): Promise<SignInOutcome>;
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
  const secondFactor = createSecondFactor({ ...ports, users });

  const attemptOf = (name: string, address: string): Attempt => ({
    address,
    user: users.find(name)?.name ?? null,
  });

  /** Counts the try; what is right is to be told to `attempts`. */
  async function checked(name: string, password: string, attempt: Attempt) {
    const wait = attempts.take(attempt, elapsed());
    if (wait > 0) return { outcome: 'too-many-tries', retryAfterSeconds: Math.ceil(wait / 1000) } as const;
    const user = await users.verify(name, password);
    if (user === 'busy') return { outcome: 'busy' } as const;
    return user === null ? ({ outcome: 'wrong' } as const) : user;
  }

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
    secondFactor,
    async verify(name, password, { address }) {
      const attempt = attemptOf(name, address);
      const user = await checked(name, password, attempt);
      if ('outcome' in user) return user;
      attempts.succeeded(attempt);
      return { outcome: 'right', user: { name: user.name, role: user.role } };
    },
    async prove({ name, password, touch }, client, signal) {
      const attempt = attemptOf(name, client.address);
      const before = await checked(name, password, attempt);
      if ('outcome' in before) return before;
      if (before.securityKeys > 0 && !touch) {
        attempts.giveBack(attempt);
        return { outcome: 'key-needed' };
      }
      const mark = users.passwordMark(name);
      const proven = before.securityKeys > 0 ? await secondFactor.prove(before.name, client, signal) : null;
      if (proven !== null && proven.outcome !== 'proven') return proven;
      // Much may have happened while the touch was waited for.
      const user = users.find(name);
      if (user === null || users.passwordMark(name) !== mark) return { outcome: 'wrong' };
      attempts.succeeded(attempt);
      return { outcome: 'right', user: { name: user.name, role: user.role }, key: proven?.key ?? null };
    },
    keepOwner: (name, password) => async (why) => {
      if (why === 'recovery') return setOwnerPassword(name, password);
      const { outcome } = await users.begin(name, password);
      return outcome === 'done' || outcome === 'busy' ? outcome : 'not-stored';
    },
  };
}
