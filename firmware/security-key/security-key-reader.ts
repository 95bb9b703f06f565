import type { KeyCredential, KeyRefusal, SecurityKeys } from '../webui/ports.ts';
import { KeyChannel } from './key-channel.ts';
import { limits } from './limits.ts';
import type { KeyCryptography, KeyPorts } from './ports.ts';
import {
  applicationOctets,
  assertionSigned,
  authenticateRequest,
  challengeOctets,
  readAssertion,
  readRegistration,
  readResponse,
  registerRequest,
  registrationSigned,
  status,
} from './u2f.ts';

/** How it stands with a key. `new` and `touch`: it is asked again; the others are its last word. */
type Standing = 'new' | 'touch' | 'other-key' | 'known-key' | 'no-u2f' | 'unfit';

/** What came of asking one key once. */
type Step<Value> = { readonly step: 'done'; readonly value: Value } | { readonly step: Standing };

type Held = { readonly channel: KeyChannel; standing: Standing };

const isAsked = ({ standing }: Held) => standing === 'new' || standing === 'touch';

/**
 * The keys in the box's USB ports. All that are plugged in are asked, those too that come while a touch is waited for;
 * the first that is touched counts. A key that does not keep to the protocol is asked nothing more until it is plugged
 * in again.
 */
export class SecurityKeyReader implements SecurityKeys {
  readonly #ports: KeyPorts;

  constructor(ports: KeyPorts) {
    this.#ports = ports;
  }

  async register(
    application: Uint8Array,
    known: readonly KeyCredential[],
    signal: AbortSignal,
  ): Promise<KeyCredential | KeyRefusal> {
    const { cryptography, random } = this.#ports;
    const challenge = random(challengeOctets);
    const request = registerRequest(challenge, application);
    return this.#ask(signal, async (channel, isFirst) => {
      if (isFirst) {
        const own = await this.#known(channel, known);
        if (typeof own === 'string') return { step: own };
        if (own.length > 0) return { step: 'known-key' };
      }
      return asked(channel, request, (data) => registered(cryptography, data, challenge, application));
    });
  }

  async prove(
    credentials: readonly KeyCredential[],
    signal: AbortSignal,
  ): Promise<{ readonly index: number; readonly counter: number } | KeyRefusal> {
    const { cryptography, random } = this.#ports;
    const challenge = random(challengeOctets);
    const mine = new Map<KeyChannel, KeyCredential>();
    return this.#ask(signal, async (channel, isFirst) => {
      if (isFirst) {
        const own = await this.#known(channel, credentials);
        if (typeof own === 'string') return { step: own };
        if (own[0] === undefined) return { step: 'other-key' };
        mine.set(channel, own[0]);
      }
      const credential = mine.get(channel);
      if (credential === undefined) return { step: 'other-key' };
      return asked(channel, authenticateRequest('sign', challenge, credential), (data) => {
        const counter = proven(cryptography, data, challenge, credential);
        return counter === null ? null : { index: credentials.indexOf(credential), counter };
      });
    });
  }

  /** Those of the credentials that this key has made. */
  async #known(
    channel: KeyChannel,
    credentials: readonly KeyCredential[],
  ): Promise<readonly KeyCredential[] | 'new' | 'unfit'> {
    const own: KeyCredential[] = [];
    for (const credential of credentials) {
      // What is signed here is nobody's challenge: a key must not sign without a touch.
      const request = authenticateRequest('checkOnly', this.#ports.random(challengeOctets), credential);
      const answer = await channel.message(request);
      if (!answer.ok) return answer.failure === 'busy' ? 'new' : 'unfit';
      const said = readResponse(answer.message)?.status;
      if (said === status.touchMe) own.push(credential);
      else if (said !== status.notMine) return 'unfit';
    }
    return own;
  }

  async #ask<Value>(
    signal: AbortSignal,
    work: (channel: KeyChannel, isFirst: boolean) => Promise<Step<Value>>,
  ): Promise<Value | KeyRefusal> {
    const { elapsed, wait } = this.#ports;
    const keys = new Map<string, Held>();
    const end = elapsed() + limits.touchMs;
    let lookedAt = Number.NEGATIVE_INFINITY;
    try {
      for (;;) {
        if (elapsed() - lookedAt >= limits.lookMs) {
          await this.#look(keys, end + limits.silenceMs);
          lookedAt = elapsed();
        }
        for (const held of [...keys.values()].filter(isAsked)) {
          const step = await work(held.channel, held.standing === 'new');
          if (signal.aborted) return 'cancelled';
          if (step.step === 'done') return step.value;
          held.standing = step.step;
        }
        await this.#forgetGone(keys);
        const all = [...keys.values()];
        const isHopeless = all.length > 0 && !all.some(isAsked);
        if (isHopeless || elapsed() >= end) return refusalOf(all);
        await wait(limits.pollMs, signal);
        if (signal.aborted) return 'cancelled';
      }
    } finally {
      await Promise.all([...keys.values()].map(({ channel }) => channel.close()));
    }
  }

  /** Opens what was plugged in since. */
  async #look(keys: Map<string, Held>, until: number): Promise<void> {
    const paths = await this.#ports.system.list().catch(() => []);
    for (const path of paths) {
      if (keys.has(path) || keys.size >= limits.keysAtOnce) continue;
      try {
        const channel = await KeyChannel.open(this.#ports, path, until);
        keys.set(path, { channel, standing: 'unfit' });
        const init = await channel.init();
        if (init !== null) keys.set(path, { channel, standing: init.speaksU2f ? 'new' : 'no-u2f' });
      } catch {
        // Pulled out again, or not ready yet: the next look tells.
      }
    }
  }

  async #forgetGone(keys: Map<string, Held>): Promise<void> {
    for (const [path, { channel }] of keys) {
      if (!channel.gone) continue;
      keys.delete(path);
      await channel.close();
    }
  }
}

/** What helps most where no key has done it. */
function refusalOf(keys: readonly Held[]): KeyRefusal {
  if (keys.some(isAsked)) return 'not-touched';
  const said = keys.map(({ standing }) => standing);
  const words = ['known-key', 'other-key', 'no-u2f', 'unfit'] as const;
  return words.find((word) => said.includes(word)) ?? 'none';
}

/** Asks a key for what takes a touch. */
async function asked<Value>(
  channel: KeyChannel,
  request: Uint8Array,
  read: (data: Uint8Array) => Value | null,
): Promise<Step<Value>> {
  const answer = await channel.message(request);
  // Whether a key that is gone comes back, the next look tells.
  if (!answer.ok) return { step: answer.failure === 'busy' || answer.failure === 'gone' ? 'touch' : 'unfit' };
  const response = readResponse(answer.message);
  if (response?.status === status.touchMe) return { step: 'touch' };
  const value = response?.status === status.done ? read(response.data) : null;
  return value === null ? { step: 'unfit' } : { step: 'done', value };
}

function registered(
  cryptography: KeyCryptography,
  data: Uint8Array,
  challenge: Uint8Array,
  application: Uint8Array,
): KeyCredential | null {
  const registration = readRegistration(data);
  const maker = registration && cryptography.publicKeyOf(registration.certificate);
  if (registration === null || maker === null) return null;
  const signed = registrationSigned(registration, challenge, application);
  if (!cryptography.verify(maker, signed, registration.signature)) return null;
  const { publicKey, handle } = registration;
  return { application, handle: handle.slice(), publicKey: publicKey.slice() };
}

/** The key's counter where its signature is right and somebody touched it. */
function proven(
  cryptography: KeyCryptography,
  data: Uint8Array,
  challenge: Uint8Array,
  { application, publicKey }: KeyCredential,
): number | null {
  const assertion = readAssertion(data);
  if (assertion === null || !assertion.present || application.length !== applicationOctets) return null;
  const signed = assertionSigned(assertion, challenge, application);
  return cryptography.verify(publicKey, signed, assertion.signature) ? assertion.counter : null;
}
