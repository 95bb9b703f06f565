import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { readTpmStatus, type TpmAccess } from '../../firmware/boot/tpm-status.ts';
import { Writer } from '../../firmware/bytes/writer.ts';
import { tpmCryptography } from '../../firmware/system/tpm-cryptography.ts';
import { openTpmDevice } from '../../firmware/system/tpm-device.ts';
import { attestationKeyTemplate } from '../../firmware/tpm/attestation-key.ts';
import { Tpm } from '../../firmware/tpm/client.ts';
import { getHandles } from '../../firmware/tpm/commands/capability.ts';
import { createPrimary } from '../../firmware/tpm/commands/keys.ts';
import { pcrExtend } from '../../firmware/tpm/commands/pcr.ts';
import { algorithm, commandCode, firstHandle, hierarchy } from '../../firmware/tpm/constants.ts';
import { status } from '../../firmware/webui/api/status-schema.ts';
import { startSwtpm } from '../tpm/swtpm.ts';

const ports = (openTpm: () => Promise<TpmAccess>) => ({
  openTpm,
  cryptography: tpmCryptography,
  random: (octets: number) => new Uint8Array(randomBytes(octets)),
  now: () => performance.now(),
  wait: async (milliseconds: number) => {
    await wait(milliseconds);
  },
});

/** An open TPM whose answer to commands with this code is replaced. */
const answering = (
  access: Extract<TpmAccess, { state: 'open' }>,
  code: number,
  answer: (genuine: Uint8Array) => Uint8Array,
) =>
  Promise.resolve<TpmAccess>({
    ...access,
    transmit: async (command) => {
      const genuine = await access.transmit(command);
      return new DataView(command.buffer, command.byteOffset).getUint32(6) === code
        ? answer(genuine)
        : genuine;
    },
  });

describe('a TPM that works', () => {
  test('is shown with twelve PCRs and a verified quote, and nothing stays loaded', async () => {
    await using swtpm = await startSwtpm();
    const digest = new Uint8Array(32).fill(7);
    await swtpm.use((tpm) => tpm.execute(pcrExtend(11, [{ hash: algorithm.sha256, digest }])));
    const shown = status.shape.tpm.parse(await readTpmStatus(ports(swtpm.open)));
    expect(shown).toMatchObject({
      state: 'present',
      manufacturer: 'IBM',
      pcrBank: 'sha256',
      quote: {
        verified: true,
        signatureAlgorithm: 'ecdsa-sha256',
        pcrDigest: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    });
    const values = new Map(shown.state === 'present' ? shown.pcrs.map((pcr) => [pcr.index, pcr.digest]) : []);
    expect([...values.keys()]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(values.get(4)).toBe('00'.repeat(32));
    const extended = tpmCryptography.digest('sha256', new Uint8Array([...new Uint8Array(32), ...digest]));
    expect(values.get(11)).toBe(Buffer.from(extended).toString('hex'));
    const loaded = await swtpm.use((tpm) => tpm.execute(getHandles(firstHandle.transient, 8)));
    expect(loaded).toMatchObject({ value: { values: [] } });
  });

  test('that changes a PCR between the reading and the quote is read again until both agree', async () => {
    await using swtpm = await startSwtpm();
    const opened = await swtpm.open();
    const meddler = new Tpm({ transmit: opened.transmit, wait });
    let meddled = false;
    const shown = await readTpmStatus(
      ports(async () => ({
        ...opened,
        transmit: async (command) => {
          if (
            !meddled &&
            new DataView(command.buffer, command.byteOffset).getUint32(6) === commandCode.quote
          ) {
            meddled = true;
            await meddler.execute(pcrExtend(9, [{ hash: algorithm.sha256, digest: new Uint8Array(32) }]));
          }
          return opened.transmit(command);
        },
      })),
    );
    expect(shown).toMatchObject({ state: 'present', quote: { verified: true } });
    const nine = shown.state === 'present' ? shown.pcrs.find(({ index }) => index === 9)?.digest : undefined;
    expect(nine).not.toBe('00'.repeat(32));
  });

  test('whose quote has a wrong signature is shown as not verified', async () => {
    await using swtpm = await startSwtpm();
    const opened = await swtpm.open();
    const shown = await readTpmStatus(
      ports(() =>
        answering(opened, commandCode.quote, (genuine) => {
          const changed = Uint8Array.from(genuine);
          // The last octets are the session's answer (5); before them stands the signature's s.
          const last = changed.length - 6;
          changed[last] = (changed[last] ?? 0) ^ 1;
          return changed;
        }),
      ),
    );
    expect(shown).toMatchObject({ state: 'present', quote: { verified: false } });
  });
});

describe('a TPM that does not work', () => {
  test('no device: absent', async () => {
    const shown = await readTpmStatus(ports(() => openTpmDevice('/nonexistent/tpmrm0', '/nonexistent/tpm0')));
    expect(shown).toEqual({
      state: 'absent',
      reason: '/nonexistent/tpmrm0 is not there: the kernel found no TPM 2.0',
    });
  });

  test('a TPM 1.2, which has no resource manager: absent, and said so', async () => {
    const shown = await readTpmStatus(ports(() => openTpmDevice('/nonexistent/tpmrm0', '/dev/null')));
    expect(shown).toMatchObject({ state: 'absent', reason: expect.stringContaining('TPM 1.2') });
  });

  test('a device that answers nothing: failed', async () => {
    const shown = await readTpmStatus(ports(() => openTpmDevice('/dev/null')));
    expect(shown).toMatchObject({ state: 'failed', reason: expect.stringContaining('TPM2_GetCapability') });
  });

  test('a device that is something else: failed', async () => {
    const shown = await readTpmStatus(ports(() => openTpmDevice('/proc/self')));
    expect(shown).toEqual({
      state: 'failed',
      reason: '/proc/self cannot be opened (EISDIR)',
      advice: expect.stringMatching(/\.$/),
    });
  });

  test('not started: failed, with advice', async () => {
    await using swtpm = await startSwtpm({ startup: false });
    expect(await readTpmStatus(ports(swtpm.open))).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('TPM_RC_INITIALIZE'),
      advice: expect.stringContaining('did not start the TPM'),
    });
  });

  test('full of keys: failed, with advice', async () => {
    await using swtpm = await startSwtpm();
    await swtpm.use(async (tpm) => {
      for (let key = 0; key < 3; key++)
        await tpm.execute(createPrimary(hierarchy.endorsement, attestationKeyTemplate));
    });
    expect(await readTpmStatus(ports(swtpm.open))).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('TPM_RC_OBJECT_MEMORY'),
      advice: expect.stringContaining('no room'),
    });
  });

  test('a password on the endorsement hierarchy: failed, with advice', async () => {
    await using swtpm = await startSwtpm();
    await swtpm.tool('tpm2_changeauth', '-c', 'endorsement', 'secret');
    expect(await readTpmStatus(ports(swtpm.open))).toMatchObject({
      state: 'failed',
      advice: expect.stringContaining('password'),
    });
  });

  test('without the SHA-256 bank: failed, with advice', async () => {
    await using swtpm = await startSwtpm();
    const opened = await swtpm.open();
    const empty = new Writer().u16(0x8001).u32(28).u32(0).u32(1).u32(1).u16(algorithm.sha256).u8(3).zeros(1);
    const answer = empty.zeros(2).u32(0).finish();
    expect(
      await readTpmStatus(ports(() => answering(opened, commandCode.pcrRead, () => answer))),
    ).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('no sha256 PCR 0'),
      advice: expect.stringContaining('bank'),
    });
  });

  test('that dies in the middle: failed, and the next reading starts anew', async () => {
    await using swtpm = await startSwtpm();
    const opened = await swtpm.open();
    const dying = async (command: Uint8Array) => {
      if (new DataView(command.buffer, command.byteOffset).getUint32(6) === commandCode.quote)
        await swtpm.kill();
      return opened.transmit(command);
    };
    const shown = await readTpmStatus(ports(async () => ({ ...opened, transmit: dying })));
    expect(shown).toMatchObject({ state: 'failed', advice: expect.stringContaining('off and on') });
  });
});
