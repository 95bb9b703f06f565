import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createPrimary, evictControl, flushContext } from '../../../firmware/tpm/commands/keys.ts';
import { clear, hierarchyChangeAuth } from '../../../firmware/tpm/commands/machine.ts';
import { hierarchy, ownHandle } from '../../../firmware/tpm/constants.ts';
import { signingTemplate } from '../../tpm/objects.ts';
import { succeeded } from '../../tpm/outcome.ts';
import { Box, code, enrolledBox, inside, release, usable } from './box.ts';

describe('a TPM that is not what it was: told, and never a new identity by itself', () => {
  const notMade = async (box: Box, before: string) => {
    expect(readFileSync(join(box.secretsFolder, 'host-identity.json'), 'utf8')).toContain(before);
    expect(existsSync(join(box.secretsFolder, 'host-identity.pem'))).toBe(false);
  };

  test.each(['allowed', 'refused'] as const)('missing, software %s', async (software) => {
    const { box, hit } = await enrolledBox();
    await using _ = box;
    box.software = software;
    box.tpm = { state: 'absent', reason: '/dev/tpmrm0 is not there' };
    const opened = await box.open();
    expect(opened).toMatchObject({ ok: false, hit, problem: { code: 'TPM_MISSING' } });
    expect(opened.ok ? '' : opened.problem.advice).toContain(`--replaces ${hit}`);
    await notMade(box, hit);
  });

  test('broken', async () => {
    const { box, hit } = await enrolledBox();
    await using _ = box;
    box.software = 'allowed';
    const working = box.tpm;
    box.tpm = { state: 'failed', reason: 'EIO', advice: 'Switch the box off and on.' };
    expect(await box.open()).toMatchObject({ ok: false, hit, problem: { code: 'TPM_FAILED' } });
    await notMade(box, hit);
    box.tpm = working;
    expect(await box.hit()).toBe(hit);
  });

  test('cleared', async () => {
    const { box, hit } = await enrolledBox();
    await using _ = box;
    await box.use(async (tpm) => succeeded(await tpm.execute(clear())));
    expect(await box.open()).toMatchObject({ ok: false, hit, problem: { code: 'TPM_CLEARED' } });
    await notMade(box, hit);
    expect((await inside(box)).persistent).not.toContain(ownHandle.hostKey);
  });

  test('replaced: the other TPM is left as it is', async () => {
    const { box, hit } = await enrolledBox();
    await using _ = box;
    await box.swapTpm();
    await box.boot('image 1');
    expect(await box.open()).toMatchObject({ ok: false, hit, problem: { code: 'TPM_REPLACED' } });
    await notMade(box, hit);
    expect(await inside(box)).toEqual({ persistent: [], loaded: [] });
  });

  test('owned by somebody: the first start says so and makes nothing', async () => {
    await using box = await Box.start();
    await box.signPolicy(release);
    await box.use(async (tpm) =>
      succeeded(await tpm.execute(hierarchyChangeAuth(hierarchy.owner, Uint8Array.of(1, 2, 3)))),
    );
    box.software = 'allowed';
    expect(await box.open()).toMatchObject({ ok: false, problem: { code: 'TPM_FAILED' } });
    expect(existsSync(box.secretsFolder)).toBe(false);
    expect((await inside(box)).loaded).toEqual([]);
  });

  test('with somebody else’s key at the handle of the identity', async () => {
    await using box = await Box.start();
    await box.signPolicy(release);
    await box.use(async (tpm) => {
      const key = succeeded(await tpm.execute(createPrimary(hierarchy.owner, signingTemplate)));
      succeeded(await tpm.execute(evictControl(key, ownHandle.hostKey)));
      succeeded(await tpm.execute(flushContext(key.handle)));
    });
    expect(code(await box.open())).toBe('TPM_KEY_FOREIGN');
    expect(usable(await box.replace()).keyStorage).toBe('tpm');
  });

  test('that fails while the box runs rejects signatures, and signs again when it is back', async () => {
    const { box } = await enrolledBox();
    await using _ = box;
    const access = await box.emulator.open();
    let working = true;
    const transmit: typeof access.transmit = (command) =>
      working ? access.transmit(command) : Promise.reject(new Error('unplugged'));
    box.tpm = { state: 'open', transmit, close: async () => {} };
    const opened = usable(await box.open());
    working = false;
    await expect(opened.key.sign(Uint8Array.of(1))).rejects.toMatchObject({ code: 'TRANSPORT' });
    await expect(opened.key.sign(Uint8Array.of(1))).rejects.toMatchObject({ code: 'TRANSPORT' });
    working = true;
    expect(await opened.key.sign(Uint8Array.of(1))).toHaveLength(64);
    await opened.close();
    await access.close();
  });
});

describe('giving an identity up', () => {
  test('makes another one, in the TPM that is there now', async () => {
    const { box, hit } = await enrolledBox();
    await using _ = box;
    await box.swapTpm();
    await box.boot('image 1');
    expect(code(await box.open())).toBe('TPM_REPLACED');
    const made = usable(await box.replace());
    expect(made.keyStorage).toBe('tpm');
    expect(made.hit).not.toBe(hit);
    await made.close();
    expect(await box.hit()).toBe(made.hit);
  });

  test('twice makes two', async () => {
    const { box, hit } = await enrolledBox();
    await using _ = box;
    const first = usable(await box.replace());
    await first.close();
    const second = usable(await box.replace());
    await second.close();
    expect(new Set([hit, first.hit, second.hit]).size).toBe(3);
    expect((await inside(box)).persistent).toEqual([ownHandle.attestationKey, ownHandle.hostKey]);
  });

  test('on an image that may not use the new one keeps the old one', async () => {
    const { box, hit } = await enrolledBox();
    await using _ = box;
    await box.boot('something else');
    expect(await box.replace()).toMatchObject({ ok: false, hit, problem: { code: 'IMAGE_NOT_RELEASED' } });
    await box.signPolicy(release);
    expect(await box.hit()).toBe(hit);
  });

  test('moves a key from a file into a TPM and removes the file', async () => {
    await using box = await Box.start();
    const { tpm } = box;
    box.tpm = { state: 'absent', reason: 'none' };
    box.software = 'allowed';
    const software = await box.hit();
    expect(existsSync(join(box.secretsFolder, 'host-identity.pem'))).toBe(true);
    box.tpm = tpm;
    await box.signPolicy(release);
    // A TPM that appears changes nothing by itself.
    expect(await box.hit()).toBe(software);
    const moved = usable(await box.replace());
    expect(moved).toMatchObject({ keyStorage: 'tpm' });
    expect(moved.hit).not.toBe(software);
    expect(existsSync(join(box.secretsFolder, 'host-identity.pem'))).toBe(false);
  });
});
