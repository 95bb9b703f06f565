import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { limits } from '../../firmware/security-key/limits.ts';
import type { KeySystem } from '../../firmware/security-key/ports.ts';
import type { KeyCredential } from '../../firmware/webui/ports.ts';
import { PluggedKeys, QuickTime, quickReader } from './plugged-keys.ts';
import { type Flaw, VirtualKey } from './virtual-key.ts';

const application = new Uint8Array(randomBytes(32));
const never = new AbortController().signal;

let keys: PluggedKeys;
let key: VirtualKey;
let time: QuickTime;
beforeEach(async () => {
  keys = new PluggedKeys();
  key = await VirtualKey.make();
  time = new QuickTime();
});

const reader = () => quickReader(keys, time);

async function registered(which = key): Promise<KeyCredential> {
  keys.plug(which);
  which.touch();
  const made = await reader().register(application, [], never);
  if (typeof made === 'string') throw new Error(made);
  keys.pull(which);
  return made;
}

/** Somebody who sees the key blink and does something, `after` milliseconds later. */
async function onBlink(act: () => void, which = key, after = 3000): Promise<void> {
  const { signal } = new AbortController();
  while (!which.blinks) await time.wait(50, signal);
  await time.wait(after, signal);
  act();
}

describe('a key that is asked', () => {
  test('makes a credential with a touch, and proves it with another', async () => {
    keys.plug(key);
    const [made] = await Promise.all([reader().register(application, [], never), onBlink(() => key.touch())]);
    if (typeof made === 'string') throw new Error(made);
    expect([made.application, made.handle.length, made.publicKey.length]).toEqual([application, 64, 65]);
    const before = key.counter;
    const [proven] = await Promise.all([reader().prove([made], never), onBlink(() => key.touch())]);
    expect(proven).toEqual({ index: 0, counter: before + 1 });
    expect(keys.openLines).toBe(0);
  });

  test('without a touch is given up in time, and before that not', async () => {
    const made = await registered();
    keys.plug(key);
    const begin = time.now;
    expect(await reader().prove([made], never)).toBe('not-touched');
    expect(time.now - begin).toBeGreaterThanOrEqual(limits.touchMs);
    expect(time.now - begin).toBeLessThan(limits.touchMs + limits.pollMs + limits.lookMs);
    expect(keys.openLines).toBe(0);
  });

  test('may be plugged in while it is waited for', async () => {
    const made = await registered();
    const proving = reader().prove([made], never);
    const { signal } = new AbortController();
    await time.wait(5000, signal);
    keys.plug(key);
    await onBlink(() => key.touch());
    expect(await proving).toMatchObject({ index: 0 });
  });

  test('that is pulled out proves nothing, and does where it comes back', async () => {
    const made = await registered();
    keys.plug(key);
    const [gone] = await Promise.all([reader().prove([made], never), onBlink(() => keys.pull(key))]);
    expect(gone).toBe('none');
    keys.plug(key);
    const [back] = await Promise.all([
      reader().prove([made], never),
      onBlink(() => {
        keys.pull(key);
        keys.plug(key);
      }).then(() => onBlink(() => key.touch())),
    ]);
    expect(back).toMatchObject({ index: 0 });
    expect(keys.openLines).toBe(0);
  });

  test('has to know the credential, and for a new one none of the others', async () => {
    const made = await registered();
    const other = await VirtualKey.make();
    keys.plug(other);
    const begin = time.now;
    expect(await reader().prove([made], never)).toBe('other-key');
    // At once: nobody should wait for a key that cannot do it.
    expect(time.now - begin).toBeLessThan(limits.lookMs);
    expect(other.blinks).toBe(false);
    keys.pull(other);
    keys.plug(key);
    expect(await reader().register(application, [made], never)).toBe('known-key');
    expect(key.blinks).toBe(false);
  });

  test('has to know it for this very box', async () => {
    const made = await registered();
    keys.plug(key);
    const elsewhere = { ...made, application: new Uint8Array(32) };
    expect(await reader().prove([elsewhere], never)).toBe('other-key');
  });

  test('is one of several: the one that is touched counts', async () => {
    const other = await VirtualKey.make();
    const credentials = [await registered(other), await registered()];
    for (const each of [await VirtualKey.make(), other, key]) keys.plug(each);
    const [proven] = await Promise.all([reader().prove(credentials, never), onBlink(() => key.touch())]);
    expect(proven).toMatchObject({ index: 1 });
    expect(other.counter).toBe(7);
  });

  test('none at all is told at the end, since one may come', async () => {
    const made = await registered();
    expect(await reader().prove([made], never)).toBe('none');
    expect(time.now).toBeGreaterThanOrEqual(limits.touchMs);
  });

  test('is let be when nobody waits any more', async () => {
    const made = await registered();
    keys.plug(key);
    const leaving = new AbortController();
    const [outcome] = await Promise.all([
      reader().prove([made], leaving.signal),
      onBlink(() => leaving.abort()),
    ]);
    expect(outcome).toBe('cancelled');
    expect(keys.openLines).toBe(0);
    const { asked } = key;
    await time.wait(5000, never);
    expect(key.asked).toBe(asked);
  });

  test('is not looked for either', async () => {
    const leaving = new AbortController();
    const proving = reader().prove([await registered()], leaving.signal);
    await time.wait(2000, never);
    leaving.abort();
    expect(await proving).toBe('cancelled');
    expect(time.now).toBeLessThan(limits.touchMs);
  });

  test('is among as many as a hub has; more are not asked', async () => {
    const made = await registered();
    for (let index = 0; index < limits.keysAtOnce; index++) keys.plug(await VirtualKey.make());
    keys.plug(key);
    expect(await reader().prove([made], never)).toBe('other-key');
    expect(key.asked).toBe(1);
  });
});

describe('a key that does wrong', () => {
  test('by not speaking U2F is told from others', async () => {
    key.flaws.add('no-u2f');
    keys.plug(key);
    expect(await reader().register(application, [], never)).toBe('no-u2f');
    expect(key.asked).toBe(0);
  });

  const wrong: readonly Flaw[] = [
    ...([
      'wrong-signature',
      'silent',
      'stops-in-the-middle',
      'wrong-sequence',
      'message-in-another',
    ] as const),
    ...(['too-long', 'short-report', 'unknown-status', 'no-status', 'other-command', 'error'] as const),
  ];
  test.each([...wrong, 'no-presence' as const])('proves nothing: %s', async (flaw) => {
    const made = await registered();
    keys.plug(key);
    key.flaws.add(flaw);
    key.touch();
    expect(await reader().prove([made], never)).toBe('unfit');
    expect(time.now).toBeLessThan(limits.touchMs);
    expect(keys.openLines).toBe(0);
  });

  test.each(wrong)('makes no credential: %s', async (flaw) => {
    keys.plug(key);
    key.flaws.add(flaw);
    key.touch();
    expect(await reader().register(application, [], never)).toBe('unfit');
  });

  test('by talking and talking keeps nobody waiting for longer than a touch and an answer', async () => {
    const made = await registered();
    const credentials = Array.from({ length: 4 }, () => made);
    for (let index = 0; index < limits.keysAtOnce; index++) keys.plug(await VirtualKey.make());
    const talking: KeySystem = {
      list: () => keys.list(),
      open: async (path, on) => {
        let over = false;
        let channel = new Uint8Array(4);
        const line = await keys.open(path, {
          ...on,
          report: (report) => {
            // INIT and nothing after it.
            if (report[4] === 0x86) on.report(report);
          },
        });
        const talk = async () => {
          while (!over) {
            on.report(Uint8Array.of(...channel, 0xbb, 0, 1, ...new Uint8Array(57)));
            await time.wait(1000, never);
          }
        };
        void talk();
        return {
          write: async (report) => {
            channel = report.slice(0, 4);
            await line.write(report);
          },
          close: async () => {
            over = true;
            await line.close();
          },
        };
      },
    };
    const begin = time.now;
    expect(await quickReader(talking, time).prove(credentials, never)).toBe('unfit');
    expect(time.now - begin).toBeLessThanOrEqual(limits.touchMs + limits.silenceMs + limits.pollMs);
  });

  test('does not keep another from proving', async () => {
    const made = await registered();
    const silent = await VirtualKey.make();
    silent.flaws.add('silent');
    keys.plug(silent);
    keys.plug(key);
    const [proven] = await Promise.all([reader().prove([made], never), onBlink(() => key.touch())]);
    expect(proven).toMatchObject({ index: 0 });
  });

  test.each<Flaw>(['foreign-packets', 'keep-alive', 'busy-once'])('only as it may: %s', async (flaw) => {
    const made = await registered();
    keys.plug(key);
    key.flaws.add(flaw);
    const [proven] = await Promise.all([reader().prove([made], never), onBlink(() => key.touch())]);
    expect(proven).toMatchObject({ index: 0 });
  });

  test('whose challenge was another one’s proves nothing: an answer is good once', async () => {
    const made = await registered();
    keys.plug(key);
    const heard: Uint8Array[] = [];
    const recording: KeySystem = {
      list: () => keys.list(),
      open: (path, on) => {
        const report = (octets: Uint8Array) => {
          heard.push(octets);
          on.report(octets);
        };
        return keys.open(path, { ...on, report });
      },
    };
    const [first] = await Promise.all([
      quickReader(recording, time).prove([made], never),
      onBlink(() => key.touch()),
    ]);
    expect(first).toMatchObject({ index: 0 });
    // What the key sent as its last message, sent again instead of each of its answers.
    const last = heard.findLastIndex((report) => (report[4] ?? 0) >= 0x80);
    const signature = heard.slice(last);
    const replaying: KeySystem = {
      list: () => keys.list(),
      open: async (path, on) => {
        let isSigning = false;
        const line = await keys.open(path, {
          ...on,
          report: (report) => {
            const channel = report.subarray(0, 4);
            const again = signature.map((old) => Uint8Array.of(...channel, ...old.subarray(4)));
            for (const each of isSigning ? again : [report]) on.report(each);
          },
        });
        return {
          ...line,
          write: async (report) => {
            // The parameter of an authentication that signs.
            if ((report[4] ?? 0) >= 0x80) isSigning = report[4] === 0x83 && report[9] === 0x03;
            await line.write(report);
          },
        };
      },
    };
    expect(await quickReader(replaying, time).prove([made], never)).toBe('unfit');
  });
});

describe('whatever a key sends', () => {
  /** Says something arbitrary for each report that it gets. */
  const babbling = (reports: readonly Uint8Array[]): KeySystem => ({
    list: async () => ['/dev/hidraw0'],
    open: async (_path, on) => {
      let next = 0;
      return {
        write: async (report) => {
          const said = reports[next++ % reports.length] ?? new Uint8Array(64);
          const answer = said.slice();
          // Often enough on the right channel, and to the right nonce.
          if ((said[63] ?? 0) > 40) answer.set(report.subarray(0, 4));
          if ((said[62] ?? 0) > 40 && report[4] === 0x86) answer.set(report.subarray(4, 15), 4);
          on.report(answer);
        },
        close: async () => undefined,
      };
    },
  });

  test('ends, proves nothing, and throws nothing', async () => {
    const credential: KeyCredential = {
      ...{ application, handle: new Uint8Array(64), publicKey: new Uint8Array(65).fill(4) },
    };
    const report = fc.oneof(
      fc.uint8Array({ minLength: 64, maxLength: 64 }),
      fc.uint8Array({ minLength: 0, maxLength: 80 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(report, { minLength: 1, maxLength: 12 }), async (reports) => {
        const system = babbling(reports);
        const begin = time.now;
        const outcomes = [
          await quickReader(system, time).prove([credential], never),
          await quickReader(system, time).register(application, [credential], never),
        ];
        for (const outcome of outcomes) expect(outcome).toBeTypeOf('string');
        expect(time.now - begin).toBeLessThanOrEqual(2 * (limits.touchMs + limits.silenceMs + limits.pollMs));
      }),
      { numRuns: 300 },
    );
  });
});
