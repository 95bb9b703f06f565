import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeEcdsaIdentity } from '../../../firmware/hip/host-identity.ts';
import { hipCrypto } from '../../../firmware/system/hip-crypto.ts';
import { tpmCryptography } from '../../../firmware/system/tpm-cryptography.ts';
import { Tpm } from '../../../firmware/tpm/client.ts';
import { certify } from '../../../firmware/tpm/commands/attestation.ts';
import { getHandles } from '../../../firmware/tpm/commands/capability.ts';
import { flushContext, readPublic } from '../../../firmware/tpm/commands/keys.ts';
import { dictionaryAttackLockReset } from '../../../firmware/tpm/commands/machine.ts';
import { sign } from '../../../firmware/tpm/commands/signing.ts';
import { firstHandle, hierarchy, ownHandle } from '../../../firmware/tpm/constants.ts';
import { succeeded } from '../../tpm/outcome.ts';
import { Box, code, enrolledBox, inside, newRelease, release, usable } from './box.ts';

describe('an identity in the TPM', () => {
  test('is made at the first start and is the same one at every later start', async () => {
    const { box, hit } = await enrolledBox();
    await using _ = box;
    expect(hit).toMatch(/^2001:22:/);
    expect(await box.hit()).toBe(hit);
    expect(await inside(box)).toEqual({
      persistent: [ownHandle.attestationKey, ownHandle.hostKey],
      loaded: [],
    });
    // Nothing that could sign is on the disk.
    expect(readdirSync(box.secretsFolder)).toEqual(['host-identity.json']);
  });

  test('signs what HIP verifies, many at once, and tells how long it took', async () => {
    const { box, hit } = await enrolledBox();
    await using _ = box;
    const opened = usable(await box.open());
    expect(opened).toMatchObject({ hit, keyStorage: 'tpm' });
    const identity = encodeEcdsaIdentity({ curve: 'P-256', x: opened.key.x, y: opened.key.y });
    const messages = Array.from({ length: 20 }, (_unused, index) => Uint8Array.of(index, 1, 2));
    const signatures = await Promise.all(messages.map((message) => opened.key.sign(message)));
    for (const [index, message] of messages.entries()) {
      const signature = signatures[index] ?? new Uint8Array();
      expect(signature).toHaveLength(64);
      expect(hipCrypto.verify(identity, 'sha384', message, signature)).toBe(true);
    }
    // The trial at the start counts too.
    expect(opened.signing()).toMatchObject({ count: 21, p50Milliseconds: expect.any(Number) });
    await opened.close();
    expect((await inside(box)).loaded).toEqual([]);
  });

  test('of a development build says that everybody can sign images that use it', async () => {
    const { box } = await enrolledBox();
    await using _ = box;
    const released = usable(await box.open());
    await released.close();
    box.developmentImage = true;
    const development = usable(await box.open());
    expect(released.detail).not.toContain('everybody');
    expect(development.detail).toContain('everybody can sign');
  });

  test('is certified by the attestation key, of the same TPM, over a nonce', async () => {
    const { box } = await enrolledBox();
    await using _ = box;
    await box.use(async (tpm) => {
      const key = succeeded(await tpm.execute(readPublic(ownHandle.hostKey)));
      const attestation = succeeded(await tpm.execute(readPublic(ownHandle.attestationKey)));
      const nonce = Uint8Array.of(9, 9, 9);
      const { attest, signature } = succeeded(
        await tpm.execute(certify(ownHandle.hostKey, ownHandle.attestationKey, nonce)),
      );
      expect(attest.attested.name).toEqual(key.name);
      expect(attest.extraData).toEqual(nonce);
      expect(tpmCryptography.verify(attestation.publicArea, attest.raw, signature)).toBe(true);
    });
  });

  test('stays the same over an update that the same release key signed', async () => {
    const { box, hit } = await enrolledBox();
    await using _ = box;
    await box.boot('image 2');
    expect(code(await box.open())).toBe('IMAGE_NOT_RELEASED');
    await box.signPolicy(release);
    expect(await box.hit()).toBe(hit);
  });

  test('is found again in the TPM by a box whose state was made anew', async () => {
    const { box, hit } = await enrolledBox();
    await using _ = box;
    box.forgetState();
    expect(await box.hit()).toBe(hit);
    expect(await box.hit()).toBe(hit);
  });

  test('is derived again where another program took its handle from it', async () => {
    const { box, hit } = await enrolledBox();
    await using _ = box;
    await box.emulator.tool('tpm2_evictcontrol', '-C', 'o', '-c', `0x${ownHandle.hostKey.toString(16)}`);
    await box.emulator.tool(
      'tpm2_evictcontrol',
      '-C',
      'o',
      '-c',
      `0x${ownHandle.attestationKey.toString(16)}`,
    );
    expect(await box.hit()).toBe(hit);
    expect((await inside(box)).persistent).toEqual([ownHandle.attestationKey, ownHandle.hostKey]);
  });

  test('signs on after somebody locked the TPM by wrong passwords', async () => {
    const { box, hit } = await enrolledBox();
    await using _ = box;
    await box.emulator.tool('tpm2_dictionarylockout', '-s', '-n', '1', '-t', '1000', '-l', '1000');
    await box.emulator.tool('tpm2_createprimary', '-C', 'o', '-p', 'right', '-c', 'locked.ctx');
    await box.emulator.tool('tpm2_flushcontext', '-t');
    const wrong = ['tpm2_create', '-C', 'locked.ctx', '-P', 'wrong'] as const;
    await expect(box.emulator.tool(...wrong)).rejects.toThrow(/0x98[eE]|authorization/i);
    await box.emulator.tool('tpm2_flushcontext', '-t');
    await expect(box.emulator.tool(...wrong)).rejects.toThrow(/lockout|0x921/i);
    await box.emulator.tool('tpm2_flushcontext', '-t');
    expect(await box.hit()).toBe(hit);
    // Part 3, section 25.2: forgotten, a wrong password is only wrong again.
    await box.use(async (tpm) => succeeded(await tpm.execute(dictionaryAttackLockReset())));
    await expect(box.emulator.tool(...wrong)).rejects.toThrow(/0x98[eE]|authorization/i);
  });
});

describe('an image that is not the released one cannot use the identity', () => {
  test('one more measurement is enough, and the key refuses any other way', async () => {
    const { box, hit } = await enrolledBox();
    await using _ = box;
    await box.boot('something else');
    const opened = await box.open();
    expect(opened).toMatchObject({ ok: false, hit, problem: { code: 'IMAGE_NOT_RELEASED' } });
    const refusals = await box.use(async (tpm) =>
      Promise.all(
        [hierarchy.owner, hierarchy.endorsement].map(() =>
          tpm.execute(sign(ownHandle.hostKey, new Uint8Array(48), { scheme: 'ecdsa', hash: 'sha384' })),
        ),
      ),
    );
    for (const refusal of refusals)
      expect(refusal).toMatchObject({ error: { responseCode: { name: 'TPM_RC_AUTH_UNAVAILABLE' } } });
  });

  test('nor with a policy that somebody else signed in the release key’s name', async () => {
    const { box } = await enrolledBox();
    await using _ = box;
    await box.boot('something else');
    await box.signPolicy({ privateKey: newRelease().privateKey, publicKey: release.publicKey });
    expect(await box.open()).toMatchObject({
      problem: { code: 'IMAGE_NOT_RELEASED', message: expect.stringContaining('release key did not sign') },
    });
  });

  test('nor with a release key of its own', async () => {
    const { box, hit } = await enrolledBox();
    await using _ = box;
    await box.signPolicy(newRelease());
    expect(await box.open()).toMatchObject({ ok: false, hit, problem: { code: 'RELEASE_KEY_CHANGED' } });
  });

  test.each<[string, (box: Box) => void]>([
    ['nothing is handed on', (box) => box.handNothingOn()],
    ['the policies are no JSON', (box) => box.handOn('{', release.publicKey)],
    [
      'the policies are of another form',
      (box) => box.handOn('{"sha256":[{"pcrs":[11]}]}', release.publicKey),
    ],
  ])('nor where %s; the identity is kept', async (_name, change) => {
    const { box, hit } = await enrolledBox();
    await using _ = box;
    change(box);
    box.software = 'allowed';
    expect(await box.open()).toMatchObject({ ok: false, hit, problem: { code: 'IMAGE_NOT_RELEASED' } });
    await box.signPolicy(release);
    expect(await box.hit()).toBe(hit);
  });
});

describe('an identity whose key is a file', () => {
  const withoutTpm = async () => {
    const box = await Box.start();
    box.tpm = { state: 'absent', reason: '/dev/tpmrm0 is not there' };
    return box;
  };

  test('is made only where the settings allow it, and used only then', async () => {
    await using box = await withoutTpm();
    expect(code(await box.open())).toBe('SOFTWARE_REFUSED');
    expect(existsSync(box.secretsFolder)).toBe(false);
    box.software = 'allowed';
    const opened = usable(await box.open());
    expect(opened).toMatchObject({ keyStorage: 'software', detail: expect.stringContaining('not in a TPM') });
    expect(await opened.key.sign(Uint8Array.of(1))).toHaveLength(64);
    expect(opened.signing()).toMatchObject({ count: 1 });
    box.software = 'refused';
    expect(await box.open()).toMatchObject({
      ok: false,
      hit: opened.hit,
      problem: { code: 'SOFTWARE_REFUSED' },
    });
    box.software = 'allowed';
    expect(await box.hit()).toBe(opened.hit);
  });

  test('is made beside a TPM too where the image carries no policy, if allowed', async () => {
    await using box = await Box.start();
    expect(await box.open()).toMatchObject({
      problem: { code: 'SOFTWARE_REFUSED', message: expect.stringContaining('no signed PCR policy') },
    });
    box.software = 'allowed';
    expect(usable(await box.open()).keyStorage).toBe('software');
    expect(await inside(box)).toEqual({ persistent: [], loaded: [] });
  });

  test('is not made for a TPM that may work again tomorrow', async () => {
    await using box = await Box.start();
    box.tpm = { state: 'failed', reason: 'EIO', advice: 'Switch the box off and on.' };
    box.software = 'allowed';
    expect(code(await box.open())).toBe('TPM_FAILED');
    expect(existsSync(box.secretsFolder)).toBe(false);
  });

  test.each<[string, string, string]>([
    ['a record that is no record', 'host-identity.json', 'IDENTITY_RECORD_UNREADABLE'],
    ['a key that is no key', 'host-identity.pem', 'SOFTWARE_UNREADABLE'],
  ])('%s is left as it is', async (_name, file, problem) => {
    await using box = await withoutTpm();
    box.software = 'allowed';
    mkdirSync(box.secretsFolder);
    writeFileSync(join(box.secretsFolder, file), '{"version":7}');
    expect(code(await box.open())).toBe(problem);
    expect(readFileSync(join(box.secretsFolder, file), 'utf8')).toBe('{"version":7}');
  });
});

test('whatever a TPM answers, opening the identity comes to a result', async () => {
  const { box } = await enrolledBox();
  await using _ = box;
  const access = await box.emulator.open();
  const genuine = new Tpm({ transmit: access.transmit, wait: async () => {} });
  const change = fc.record({
    answer: fc.nat({ max: 14 }),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    to: fc.nat({ max: 255 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
      let count = 0;
      box.tpm = {
        state: 'open',
        async transmit(command) {
          const answer = Uint8Array.from(await access.transmit(command));
          for (const { at, to } of changes.filter((one) => one.answer === count))
            answer[Math.floor(at * (answer.length - 1))] = to;
          count++;
          return answer;
        },
        close: async () => {},
      };
      const opened = await box.open();
      if (opened.ok) await opened.close();
      expect(opened.ok || opened.problem.advice).toBeTruthy();
      // A handle that came back wrong could not be flushed.
      for (const first of [firstHandle.transient, firstHandle.loadedSession]) {
        for (const handle of succeeded(await genuine.execute(getHandles(first, 16))).values) {
          const kind = first === firstHandle.transient ? 0 : 0x0100_0000;
          const flushed = await genuine.execute(flushContext(handle + kind));
          if (!flushed.ok) succeeded(await genuine.execute(flushContext(handle)));
        }
      }
    }),
    { numRuns: 100 },
  );
  await access.close();
}, 30_000);
