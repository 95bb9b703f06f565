import { fromHex, toHex } from '../bytes/bytes.ts';
import type { KeyRefusal, RandomBytes, SecurityKeys, Sha256, WriteLog } from './ports.ts';
import type { Client } from './sessions.ts';
import type { KeysOutcome, Users } from './users.ts';

/** Why a key did not prove anybody. */
export type KeyProblem =
  | { readonly outcome: KeyRefusal | 'copied' }
  /** The keys are asked already, for somebody at this address. */
  | { readonly outcome: 'asked'; readonly from: string };

export type ProofOutcome = { readonly outcome: 'proven'; readonly key: string } | KeyProblem;
export type NewKeyOutcome = KeysOutcome | KeyProblem;

export interface SecondFactor {
  /** Has a user touch one of their keys. */
  prove(user: string, client: Client, signal: AbortSignal): Promise<ProofOutcome>;
  /** Has a user touch a key that is theirs from then on. */
  add(user: string, keyName: string, client: Client, signal: AbortSignal): Promise<NewKeyOutcome>;
}

export interface SecondFactorPorts {
  readonly users: Users;
  readonly securityKeys: SecurityKeys;
  readonly random: RandomBytes;
  readonly sha256: Sha256;
  readonly log: WriteLog;
}

const [nameOctets, idOctets] = [16, 4];

/**
 * One touch is waited for at a time: with two, whoever touches the key would not know which of them it lets in. Whoever
 * comes second is told from where the first asks.
 */
export function createSecondFactor(ports: SecondFactorPorts): SecondFactor {
  const { users, securityKeys, random, sha256, log } = ports;
  let askedFrom: string | null = null;

  async function oneAtATime<Outcome>(
    { address }: Client,
    work: () => Promise<Outcome>,
  ): Promise<Outcome | KeyProblem> {
    if (askedFrom !== null) return { outcome: 'asked', from: askedFrom };
    askedFrom = address;
    try {
      return await work();
    } finally {
      askedFrom = null;
    }
  }

  /** A name of chance that is the box's as long as it has keys: a HIT or a host name may change under them. */
  function application(): Uint8Array {
    const made = () => fromHex(sha256(`hithe:${toHex(random(nameOctets))}`));
    return users.application() ?? made() ?? new Uint8Array(0);
  }

  return {
    prove: (user, client, signal) =>
      oneAtATime(client, async () => {
        const keys = users.keys(user) ?? [];
        const proven = await securityKeys.prove(
          keys.map(({ credential }) => credential),
          signal,
        );
        if (typeof proven === 'string') return { outcome: proven };
        const key = keys[proven.index]?.key;
        const used = key && (await users.useKey(user, key.id, proven.counter));
        if (key === undefined || used === 'not-there') return { outcome: 'other-key' };
        if (used !== 'copied') return { outcome: 'proven', key: key.name };
        log('warning', `The security key ${key.name} of ${user} counts backwards: somebody has copied it.`);
        return { outcome: 'copied' };
      }),
    add: (user, keyName, client, signal) =>
      oneAtATime(client, async () => {
        // Nobody should touch a key for nothing.
        const refusal = users.keyRefusal(user, keyName);
        if (refusal !== null) return refusal;
        const known = (users.keys(user) ?? []).map(({ credential }) => credential);
        const made = await securityKeys.register(application(), known, signal);
        if (typeof made === 'string') return { outcome: made };
        return users.addKey(user, { id: toHex(random(idOctets)), name: keyName }, made);
      }),
  };
}
