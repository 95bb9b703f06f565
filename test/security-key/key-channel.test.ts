import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { hidCommands, packetsOf } from '../../firmware/security-key/ctaphid.ts';
import { KeyChannel } from '../../firmware/security-key/key-channel.ts';
import { limits } from '../../firmware/security-key/limits.ts';
import { keyCryptography } from '../../firmware/system/key-cryptography.ts';
import { PluggedKeys, QuickTime } from './plugged-keys.ts';
import { VirtualKey } from './virtual-key.ts';

const never = new AbortController().signal;
const version = Uint8Array.of(0, 3, 0, 0, 0, 0, 0, 0, 0);

let keys: PluggedKeys;
let key: VirtualKey;
let time: QuickTime;
let channel: KeyChannel;
beforeEach(async () => {
  [keys, key, time] = [new PluggedKeys(), await VirtualKey.make(), new QuickTime()];
  keys.plug(key);
  const random = (octets: number) => new Uint8Array(randomBytes(octets));
  const [path = ''] = await keys.list();
  const ports = { system: keys, cryptography: keyCryptography, random };
  const clock = { elapsed: time.elapsed, wait: time.wait };
  channel = await KeyChannel.open({ ...ports, ...clock }, path, 3 * limits.answerMs);
  await channel.init();
});

describe('a conversation with a key', () => {
  test('has an answer to each question', async () => {
    const answer = await channel.message(version);
    expect(answer.ok && Buffer.from(answer.message).toString('latin1')).toBe('U2F_V2\x90\x00');
    expect(time.now).toBeLessThan(limits.silenceMs);
  });

  test('ends after silence, neither before nor much later', async () => {
    key.flaws.add('silent');
    const begin = time.now;
    expect(await channel.message(version)).toEqual({ ok: false, failure: 'silent' });
    expect(time.now - begin).toBe(limits.silenceMs);
  });

  test('lasts while the key says that it is at work, and not for ever', async () => {
    key.flaws.add('silent');
    const begin = time.now;
    const asking = channel.message(version);
    const [alive = new Uint8Array(64)] = packetsOf(0x01020301, hidCommands.keepAlive, Uint8Array.of(1));
    while (time.now - begin < 2 * limits.answerMs) {
      key.emit(alive);
      await time.wait(1000, never);
      if (!(await isPending(asking))) break;
    }
    expect(await asking).toEqual({ ok: false, failure: 'silent' });
    expect(time.now - begin).toBeGreaterThanOrEqual(limits.answerMs);
    expect(time.now - begin).toBeLessThanOrEqual(limits.answerMs + 1000);
  });

  test('is over when its time is', async () => {
    key.flaws.add('silent');
    await time.wait(3 * limits.answerMs - 1000, never);
    const begin = time.now;
    for (const left of [1000, 0, 0]) {
      expect(await channel.message(version)).toEqual({ ok: false, failure: 'silent' });
      expect(time.now - begin).toBeLessThanOrEqual(1000);
      expect(time.now - begin).toBeGreaterThanOrEqual(left);
    }
  });

  test('ends at once when the key is pulled out, and asks nothing of it any more', async () => {
    key.flaws.add('silent');
    const begin = time.now;
    const asking = channel.message(version);
    await time.wait(500, never);
    keys.pull(key);
    expect(await asking).toEqual({ ok: false, failure: 'gone' });
    expect(time.now - begin).toBeLessThan(limits.silenceMs);
    const { asked } = key;
    expect(await channel.message(version)).toEqual({ ok: false, failure: 'gone' });
    expect([key.asked, channel.gone]).toEqual([asked, true]);
  });

  test('that is closed is over, twice as well as once', async () => {
    await channel.close();
    await channel.close();
    expect(await channel.message(version)).toEqual({ ok: false, failure: 'gone' });
    expect(keys.openLines).toBe(0);
  });
});

async function isPending(work: Promise<unknown>): Promise<boolean> {
  const nothing = Symbol('nothing');
  return (await Promise.race([work, Promise.resolve(nothing)])) === nothing;
}
