import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { FactoryReset, finishFactoryReset, type ResetFiles } from '../../firmware/boot/factory-reset.ts';
import { resetFiles } from '../../firmware/system/reset-files.ts';
import { enrolledBox } from './identity/box.ts';

/** Begins a reset whose restart does nothing. */
const begin = (files: ResetFiles, identity: 'kept' | 'new') =>
  new FactoryReset({
    files,
    restart: async () => null,
    setTimer: (_milliseconds, callback) => callback(),
    log: () => undefined,
  }).begin(identity, 'a test');

describe('the identity in a TPM', () => {
  test('is found again where it was kept, and another one is made where it was not', async () => {
    const { box, hit } = await enrolledBox();
    await using _ = box;
    const statePartition = mkdtempSync(join(tmpdir(), 'hithe-reset-'));
    onTestFinished(() => rmSync(statePartition, { recursive: true }));
    symlinkSync(box.secretsFolder, join(statePartition, 'secrets'));
    const files = resetFiles(statePartition);
    await begin(files, 'kept');
    await finishFactoryReset(files);
    expect(await box.hit()).toBe(hit);
    await begin(files, 'new');
    await finishFactoryReset(files);
    const made = await box.hit();
    expect(made).not.toBe(hit);
    expect(await box.hit()).toBe(made);
  });

  test('is found again by a state partition that has no record of it any more', async () => {
    const { box, hit } = await enrolledBox();
    await using _ = box;
    rmSync(box.secretsFolder, { recursive: true });
    expect(await box.hit()).toBe(hit);
  });
});
