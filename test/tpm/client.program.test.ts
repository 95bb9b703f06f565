import { setTimeout as wait } from 'node:timers/promises';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { Writer } from '../../firmware/bytes/writer.ts';
import { attestationKeyTemplate } from '../../firmware/tpm/attestation-key.ts';
import { Tpm } from '../../firmware/tpm/client.ts';
import { certify, quote } from '../../firmware/tpm/commands/attestation.ts';
import { getHandles, getPcrBanks, getProperties } from '../../firmware/tpm/commands/capability.ts';
import { makeCredentialByTpm } from '../../firmware/tpm/commands/credential.ts';
import {
  create,
  createPrimary,
  evictControl,
  flushContext,
  readPublic,
} from '../../firmware/tpm/commands/keys.ts';
import { getRandom, readClock } from '../../firmware/tpm/commands/machine.ts';
import { nvDefineSpace, nvRead, nvReadPublic, nvWrite } from '../../firmware/tpm/commands/nv.ts';
import { pcrRead } from '../../firmware/tpm/commands/pcr.ts';
import {
  policyAuthValue,
  policyCommandCode,
  policyGetDigest,
  policyPcr,
  policyRestart,
  policySecret,
} from '../../firmware/tpm/commands/policy.ts';
import { startAuthSession } from '../../firmware/tpm/commands/session.ts';
import { sign } from '../../firmware/tpm/commands/signing.ts';
import {
  algorithm,
  commandCode,
  firstHandle,
  hierarchy,
  nullHandle,
  property,
} from '../../firmware/tpm/constants.ts';
import { TpmError } from '../../firmware/tpm/error.ts';
import type { Command } from '../../firmware/tpm/frame.ts';
import { limits } from '../../firmware/tpm/limits.ts';
import { readPcrs } from '../../firmware/tpm/pcrs.ts';
import { sealedTemplate, signingTemplate, storageTemplate } from './objects.ts';
import { startSwtpm } from './swtpm.ts';

const refusal = (code: number) => new Writer().u16(0x8001).u32(10).u32(code).finish();
const randomAnswer = new Writer().u16(0x8001).u32(14).u32(0).u16(2).u16(0xbeef).finish();

/** A client whose device gives these answers in turn, the last one for ever. */
function scripted(...answers: readonly Uint8Array[]) {
  const waits: number[] = [];
  let sent = 0;
  const tpm = new Tpm({
    transmit: async () => answers[Math.min(sent++, answers.length - 1)] ?? new Uint8Array(),
    wait: async (milliseconds) => {
      waits.push(milliseconds);
    },
  });
  return { tpm, waits, sent: () => sent };
}

describe('retries', () => {
  test.each([0x922, 0x908, 0x90a])('code %i is waited out', async (code) => {
    const { tpm, waits } = scripted(refusal(code), refusal(code), randomAnswer);
    expect(await tpm.execute(getRandom(2))).toEqual({ ok: true, value: new Uint8Array([0xbe, 0xef]) });
    expect(waits).toEqual([limits.firstRetryWait, 2 * limits.firstRetryWait]);
  });

  test('a TPM that is busy for ever is given up after the limit', async () => {
    const { tpm, waits, sent } = scripted(refusal(0x90a));
    expect(await tpm.execute(getRandom(2))).toMatchObject({
      error: { code: 'BUSY', command: 'TPM2_GetRandom', responseCode: { name: 'TPM_RC_TESTING' } },
    });
    expect(sent()).toBe(limits.retries + 1);
    expect(waits.reduce((sum, milliseconds) => sum + milliseconds, 0)).toBeLessThan(6000);
  });

  test('any other warning is not sent again', async () => {
    const { tpm, sent } = scripted(refusal(0x921));
    expect(await tpm.execute(getRandom(2))).toMatchObject({ error: { code: 'REFUSED' } });
    expect(sent()).toBe(1);
  });
});

test('a transport that rejects is a result with its cause', async () => {
  const cause = new Error('unplugged');
  const tpm = new Tpm({ transmit: () => Promise.reject(cause), wait: async () => {} });
  const result = await tpm.execute(getRandom(2));
  expect(result).toMatchObject({
    ok: false,
    error: { code: 'TRANSPORT', message: 'TPM2_GetRandom: unplugged' },
  });
  expect(result.ok ? undefined : result.error.cause).toBe(cause);
});

describe('PCRs that do not fit together', () => {
  const reading = (counter: number, hash: number, octet: number, digests: readonly Uint8Array[]) => {
    const body = new Writer().u32(counter).u32(1).u16(hash).u8(3).u8(octet).zeros(2).u32(digests.length);
    for (const digest of digests) body.u16(digest.length).bytes(digest);
    return new Writer()
      .u16(0x8001)
      .u32(10 + body.length)
      .u32(0)
      .bytes(body.finish())
      .finish();
  };
  const zeros = new Uint8Array(32);
  const first = (counter: number) => reading(counter, algorithm.sha256, 0b001, [zeros]);
  const second = (counter: number) => reading(counter, algorithm.sha256, 0b010, [zeros]);

  test('are read again from the start', async () => {
    const { tpm, sent } = scripted(first(1), second(2), first(2), second(2));
    expect(await readPcrs(tpm, 'sha256', [0, 1])).toMatchObject({
      value: { pcrs: [{ index: 0 }, { index: 1 }] },
    });
    expect(sent()).toBe(4);
  });

  test('for ever, are UNSTABLE', async () => {
    let counter = 0;
    const transmit = async () => (++counter % 2 === 1 ? first(counter) : second(counter));
    const tpm = new Tpm({ transmit, wait: async () => {} });
    expect(await readPcrs(tpm, 'sha256', [0, 1])).toMatchObject({ error: { code: 'UNSTABLE' } });
    expect(counter).toBe(2 * limits.agreementAttempts);
  });

  test.each([
    ['no such bank', reading(1, algorithm.sha256, 0, []), 'UNAVAILABLE'],
    ['another bank', reading(1, algorithm.sha1, 0b001, [zeros]), 'UNAVAILABLE'],
    ['another PCR', reading(1, algorithm.sha256, 0b100, [zeros]), 'UNAVAILABLE'],
    ['a digest missing', reading(1, algorithm.sha256, 0b001, []), 'MALFORMED'],
    ['a digest too many', reading(1, algorithm.sha256, 0b001, [zeros, zeros]), 'MALFORMED'],
    ['a digest of another size', reading(1, algorithm.sha256, 0b001, [zeros.subarray(12)]), 'MALFORMED'],
  ])('%s', async (_, answer, code) => {
    expect(await readPcrs(scripted(answer).tpm, 'sha256', [0, 1])).toMatchObject({ error: { code } });
  });
});

describe('answers that no TPM gives', () => {
  const key = { handle: firstHandle.transient, name: new Uint8Array(34) };
  const second = firstHandle.transient + 1;
  const persistent = firstHandle.persistent + 0x20;
  const session = 0x0300_0000;
  const index = firstHandle.nv + 0x1_5000;
  const selections = [{ hash: algorithm.sha256, indexes: [0, 7] }];
  const digest = new Uint8Array(32);
  const ecdsa = { scheme: 'ecdsa', hash: 'sha256' } as const;
  const space = {
    index,
    nameAlgorithm: algorithm.sha256,
    attributes: 0x0204_0002,
    authPolicy: new Uint8Array(),
    dataSize: 8,
  };
  const newPolicySession = () =>
    startAuthSession({
      saltKey: nullHandle,
      bind: nullHandle,
      nonceCaller: digest,
      encryptedSalt: new Uint8Array(),
      kind: 'policy',
      hash: 'sha256',
    });
  /** In an order that a TPM can carry out: each uses what those before it made. */
  const commands: readonly Command<unknown>[] = [
    getRandom(16),
    getProperties(property.manufacturer, 8),
    getPcrBanks(),
    getHandles(firstHandle.transient, 8),
    pcrRead([{ hash: algorithm.sha256, indexes: [0, 1, 2] }]),
    readClock(),
    createPrimary(hierarchy.endorsement, attestationKeyTemplate),
    readPublic(key.handle),
    quote(key, digest, selections),
    certify(key, key, digest),
    createPrimary(hierarchy.endorsement, storageTemplate),
    makeCredentialByTpm(second, digest, key.name),
    create(second, sealedTemplate, { sealed: digest }),
    evictControl(second, persistent),
    flushContext(second),
    createPrimary(hierarchy.owner, signingTemplate),
    sign(second, digest, ecdsa),
    flushContext(second),
    newPolicySession(),
    policyPcr(session, selections),
    policySecret(hierarchy.endorsement, session),
    policyCommandCode(session, commandCode.sign),
    policyAuthValue(session),
    policyGetDigest(session),
    policyRestart(session),
    nvDefineSpace(space),
    nvWrite(hierarchy.owner, index, digest.subarray(0, 8), 0),
    nvReadPublic(index),
    nvRead(index, index, { size: 8, offset: 0 }),
    flushContext(key.handle),
  ];
  let genuine: Uint8Array[] = [];
  beforeAll(async () => {
    await using swtpm = await startSwtpm();
    const opened = await swtpm.open();
    const answers: Uint8Array[] = [];
    const transmit = async (command: Uint8Array) => {
      const answer = await opened.transmit(command);
      answers.push(answer);
      return answer;
    };
    const tpm = new Tpm({ transmit, wait });
    for (const command of commands)
      expect(await tpm.execute(command), command.name).toMatchObject({ ok: true });
    await opened.close();
    genuine = answers;
  });

  const execute = (command: Command<unknown>, answer: Uint8Array) => scripted(answer).tpm.execute(command);
  const pick = fc.nat({ max: commands.length - 1 });

  test('random octets are a result', async () => {
    await fc.assert(
      fc.asyncProperty(pick, fc.uint8Array({ maxLength: 200 }), async (index, answer) => {
        const command = commands[index] ?? getRandom(1);
        expect(await execute(command, answer)).toMatchObject({ ok: false, error: expect.any(TpmError) });
      }),
    );
  });

  test('genuine answers with changed octets are a result, whatever it is', async () => {
    const change = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), to: fc.nat({ max: 255 }) });
    await fc.assert(
      fc.asyncProperty(pick, fc.array(change, { minLength: 1, maxLength: 4 }), async (index, changes) => {
        const answer = Uint8Array.from(genuine[index] ?? []);
        for (const { at, to } of changes) answer[Math.floor(at * (answer.length - 1))] = to;
        const result = await execute(commands[index] ?? getRandom(1), answer);
        expect(result.ok || result.error instanceof TpmError).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test('every truncation and every octet more is MALFORMED', async () => {
    for (const [index, command] of commands.entries()) {
      const answer = genuine[index] ?? new Uint8Array();
      for (const length of answer.keys()) {
        // The size is made to fit, so that the structures and not the header alone notice.
        const short = Uint8Array.from(answer.subarray(0, length));
        if (length >= 6) new DataView(short.buffer).setUint32(2, length);
        expect(await execute(command, short)).toMatchObject({ error: { code: 'MALFORMED' } });
      }
      const long = new Writer().bytes(answer).u8(0).finish();
      new DataView(long.buffer).setUint32(2, long.length);
      expect(await execute(command, long)).toMatchObject({ error: { code: 'MALFORMED' } });
    }
  });
});
