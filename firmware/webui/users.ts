import type { Role } from './access.ts';
import { roles } from './access.ts';
import { reasonOf } from './error.ts';
import { limits } from './limits.ts';
import { type Passwords, readStoredPassword, type StoredPassword } from './passwords.ts';
import type { KeyCredential, ReadClock, SecretFiles, WriteLog } from './ports.ts';
import { parseStoredList } from './stored-list.ts';
import {
  credentialOf,
  readStoredKeys,
  type StoredKey,
  shownKey,
  storedKey,
  type UserKey,
} from './user-keys.ts';

const fileName = 'users.json';

/** Letters, digits and marks inside: a name stands in the audit, in revisions and on command lines. */
export const userNameSyntax = /^[\p{L}\p{N}][\p{L}\p{N}._@-]{0,62}$/u;

export interface User {
  readonly name: string;
  readonly role: Role;
  /** ISO 8601 in UTC, by the box's clock. */
  readonly createdAt: string;
  readonly passwordSetAt: string;
  /** How many they have; with one or more, the password alone signs nobody in. */
  readonly securityKeys: number;
}

type StoredUser = Omit<User, 'securityKeys'> & {
  readonly password: StoredPassword;
  readonly securityKeys: readonly StoredKey[];
};

export type UsersOutcome =
  | { readonly outcome: 'done'; readonly user: User }
  | {
      readonly outcome:
        | 'name-taken'
        | 'not-there'
        | 'last-owner'
        | 'too-many'
        /** Other passwords are being worked on. */
        | 'busy'
        | 'not-stored';
    };

export type KeysOutcome =
  | { readonly outcome: 'done' }
  | { readonly outcome: 'name-taken' | 'not-there' | 'key-not-there' | 'too-many' | 'not-stored' };

export interface Users {
  list(): readonly User[];
  /** The user with this name, or one that people cannot tell from it. */
  find(name: string): User | null;
  /** The user whose name and password these are; null where they are nobody's, `busy` where others are looked at. */
  verify(name: string, password: string): Promise<User | null | 'busy'>;
  /** The same object for as long as the user has the same password; null where there is no such user. */
  passwordMark(name: string): object | null;
  add(name: string, role: Role, password: string): Promise<UsersOutcome>;
  change(
    name: string,
    change: {
      readonly role?: Role | undefined;
      readonly password?: string | undefined;
    },
  ): Promise<UsersOutcome>;
  /** Changes the password that had this mark; `moved-on` where somebody else has set another one meanwhile. */
  replacePassword(
    name: string,
    mark: object | null,
    password: string,
  ): Promise<UsersOutcome | { readonly outcome: 'moved-on' }>;
  remove(name: string): Promise<UsersOutcome>;
  /** A user's security keys with what proves each; null where there is no such user. */
  keys(name: string): readonly { readonly key: UserKey; readonly credential: KeyCredential }[] | null;
  /** What the box's credentials are made for; null before the first. */
  application(): Uint8Array | null;
  /** Why this user may have no other key, or none of this name; null where they may. */
  keyRefusal(name: string, keyName: string): KeysOutcome | null;
  addKey(name: string, key: { id: string; name: string }, credential: KeyCredential): Promise<KeysOutcome>;
  /**
   * Takes note of what a key has signed as its `counter`th. A counter that did not rise is of a key that somebody copied
   * (FIDO U2F Implementation Considerations 1.2, 2.6), other than that of a key which never counts and always says 0
   * (Web Authentication Level 2, 7.2, step 21).
   */
  useKey(name: string, id: string, counter: number): Promise<'done' | 'copied' | 'not-there'>;
  removeKey(name: string, id: string): Promise<KeysOutcome>;
  /**
   * From the box itself: this user is an owner with this password from now on, and has no security keys. No bound and no
   * rule keeps it from that.
   */
  setOwner(name: string, password: string): Promise<UsersOutcome>;
  /** The one owner of a box that is being claimed; whoever was kept before is gone. */
  begin(name: string, password: string): Promise<UsersOutcome>;
}

export interface UsersPorts {
  readonly secrets: SecretFiles;
  readonly passwords: Passwords;
  readonly now: ReadClock;
  readonly log: WriteLog;
}

/** A file that cannot be read holds no users: nobody signs in, and the console's recovery makes an owner. */
export async function openUsers({ secrets, passwords, now, log }: UsersPorts): Promise<Users> {
  let users: readonly StoredUser[] = await readUsers(secrets, log);
  /** Changes one after the other: each is made of what the one before has left. */
  let last: Promise<unknown> = Promise.resolve();
  function inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  }

  const called = (name: string) => users.find((user) => sameName(user.name, name));
  const isLastOwner = (user: StoredUser) =>
    user.role === 'owner' && users.filter(({ role }) => role === 'owner').length === 1;

  async function store(next: readonly StoredUser[], user: StoredUser) {
    try {
      await secrets.write(fileName, `${JSON.stringify({ version: 1, users: next })}\n`);
    } catch (error) {
      log('error', `The users could not be stored: ${reasonOf(error)}`);
      return { outcome: 'not-stored' } as const;
    }
    users = next;
    return { outcome: 'done', user: shown(user) } as const;
  }

  async function made(name: string, role: Role, password: string): Promise<StoredUser | null> {
    const stored = await passwords.make(password);
    const time = new Date(now()).toISOString();
    return stored && { name, role, createdAt: time, passwordSetAt: time, password: stored, securityKeys: [] };
  }

  /** In turn, so that the user stays as they are until it is done. */
  async function change(
    user: StoredUser,
    { role, password }: Parameters<Users['change']>[1],
  ): Promise<UsersOutcome> {
    if (role !== undefined && role !== 'owner' && isLastOwner(user)) return { outcome: 'last-owner' };
    const stored = password === undefined ? user.password : await passwords.make(password);
    if (stored === null) return { outcome: 'busy' };
    const changed: StoredUser = {
      ...user,
      role: role ?? user.role,
      password: stored,
      passwordSetAt: password === undefined ? user.passwordSetAt : new Date(now()).toISOString(),
    };
    return store(
      users.map((each) => (each === user ? changed : each)),
      changed,
    );
  }

  function keyRefusal(name: string, keyName: string): KeysOutcome | null {
    const user = called(name);
    if (user === undefined) return { outcome: 'not-there' };
    const all = users.reduce((sum, { securityKeys }) => sum + securityKeys.length, 0);
    if (user.securityKeys.length >= limits.keysOfUser || all >= limits.keysOfAll)
      return { outcome: 'too-many' };
    return user.securityKeys.some((key) => key.name === keyName) ? { outcome: 'name-taken' } : null;
  }

  const withKeys = (user: StoredUser, securityKeys: readonly StoredKey[]) => {
    const changed = { ...user, securityKeys };
    return store(
      users.map((each) => (each === user ? changed : each)),
      changed,
    );
  };

  return {
    list: () => users.map(shown),
    find(name) {
      const user = called(name);
      return user === undefined ? null : shown(user);
    },
    async verify(name, password) {
      const user = called(name);
      const right = await passwords.verify(password, user?.password ?? null);
      if (right === null) return 'busy';
      // The password may have been changed, or the user removed, while this one was looked at.
      const now = called(name);
      return right && user !== undefined && now?.password === user.password ? shown(now) : null;
    },
    passwordMark: (name) => called(name)?.password ?? null,
    add: (name, role, password) =>
      inTurn(async () => {
        if (called(name) !== undefined) return { outcome: 'name-taken' };
        if (users.length >= limits.users) return { outcome: 'too-many' };
        const user = await made(name, role, password);
        return user === null ? { outcome: 'busy' } : store([...users, user], user);
      }),
    change: (name, given) =>
      inTurn(async () => {
        const user = called(name);
        return user === undefined ? { outcome: 'not-there' } : change(user, given);
      }),
    replacePassword: (name, mark, password) =>
      inTurn(async () => {
        const user = called(name);
        return user === undefined || user.password !== mark
          ? { outcome: 'moved-on' }
          : change(user, { password });
      }),
    remove: (name) =>
      inTurn(async () => {
        const user = called(name);
        if (user === undefined) return { outcome: 'not-there' };
        if (isLastOwner(user)) return { outcome: 'last-owner' };
        return store(
          users.filter((each) => each !== user),
          user,
        );
      }),
    keys(name) {
      const stored = called(name)?.securityKeys;
      return stored?.map((key) => ({ key: shownKey(key), credential: credentialOf(key) })) ?? null;
    },
    application() {
      const [any] = users.flatMap(({ securityKeys }) => securityKeys);
      return any === undefined ? null : credentialOf(any).application;
    },
    keyRefusal,
    addKey: (name, { id, name: keyName }, credential) =>
      inTurn(async () => {
        const [user, refusal] = [called(name), keyRefusal(name, keyName)];
        if (user === undefined || refusal !== null) return refusal ?? { outcome: 'not-there' };
        const key = { id, name: keyName, addedAt: new Date(now()).toISOString(), usedAt: null };
        return withKeys(user, [...user.securityKeys, storedKey(key, credential)]);
      }),
    useKey: (name, id, counter) =>
      inTurn(async () => {
        const user = called(name);
        const key = user?.securityKeys.find((each) => each.id === id);
        if (user === undefined || key === undefined) return 'not-there';
        if (key.counter !== null && key.counter > 0 && counter <= key.counter) return 'copied';
        const used = { ...key, counter, usedAt: new Date(now()).toISOString() };
        const keys = user.securityKeys.map((each) => (each === key ? used : each));
        // A disk that is full must not keep anybody out; whoever copied a key finds the counter in memory.
        if ((await withKeys(user, keys)).outcome !== 'done')
          users = users.map((each) => (each === user ? { ...user, securityKeys: keys } : each));
        return 'done';
      }),
    removeKey: (name, id) =>
      inTurn(async () => {
        const user = called(name);
        if (user === undefined) return { outcome: 'not-there' };
        const keys = user.securityKeys.filter((key) => key.id !== id);
        if (keys.length === user.securityKeys.length) return { outcome: 'key-not-there' };
        return withKeys(user, keys);
      }),
    setOwner: (name, password) =>
      inTurn(async () => {
        const owner = await made(called(name)?.name ?? name, 'owner', password);
        if (owner === null) return { outcome: 'busy' };
        const others = users.filter((user) => !sameName(user.name, name));
        return store([...others, owner], owner);
      }),
    begin: (name, password) =>
      inTurn(async () => {
        const owner = await made(name, 'owner', password);
        return owner === null ? { outcome: 'busy' } : store([owner], owner);
      }),
  };
}

function shown({ name, role, createdAt, passwordSetAt, securityKeys }: StoredUser): User {
  return { name, role, createdAt, passwordSetAt, securityKeys: securityKeys.length };
}

/** Names that people cannot tell apart are one. */
function sameName(left: string, right: string): boolean {
  const plain = (name: string) => name.normalize('NFKC').toLowerCase();
  return plain(left) === plain(right);
}

async function readUsers(secrets: SecretFiles, log: WriteLog): Promise<readonly StoredUser[]> {
  const lost = 'nobody can sign in until the console sets an owner’s password';
  try {
    const text = await secrets.read(fileName);
    if (text === null) return [];
    const users = parseUsers(text);
    if (users !== null) return users;
    log('error', `The users cannot be understood; ${lost}.`);
  } catch (error) {
    log('error', `The users cannot be read (${reasonOf(error)}); ${lost}.`);
  }
  return [];
}

/** All users of a file, or null: one that is half understood could lack the user whom somebody removed. */
export const parseUsers = (text: string) => parseStoredList(text, 'users', parseUser);

function parseUser(value: unknown): StoredUser | null {
  if (typeof value !== 'object' || value === null) return null;
  const { name, role, createdAt, passwordSetAt, password, securityKeys } = value as Record<string, unknown>;
  const knownRole = roles.find((candidate) => candidate === role);
  const stored = readStoredPassword(password);
  const keys = readStoredKeys(securityKeys);
  if (keys === null) return null;
  if (typeof name !== 'string' || !userNameSyntax.test(name) || knownRole === undefined || stored === null)
    return null;
  if (typeof createdAt !== 'string' || typeof passwordSetAt !== 'string') return null;
  return { name, role: knownRole, createdAt, passwordSetAt, password: stored, securityKeys: keys };
}
