import { expect, test } from 'vitest';
import { measuredBootLine } from '../../firmware/console/measured-boot-line.ts';

const link = (name: 'firmware' | 'loader', comparison: 'same' | 'different' | 'unknown') => ({
  ...{ name, comparison, pcrs: [0], expected: null, actual: null, problems: [] },
});
const boot = (...chain: ReturnType<typeof link>[]) => ({
  ...{ release: { version: '1.2', development: false }, selfAppraisal: true as const, pcrBank: 'sha256' },
  ...{ chain, pcrs: [] },
});

test.each([
  ['a box without a TPM', { ok: false as const, reason: 'No evidence without a TPM.' }, /without a TPM/],
  ['as released', { ok: true as const, boot: boot(link('loader', 'same')) }, /as release 1\.2 says/],
  [
    'another loader',
    { ok: true as const, boot: boot(link('firmware', 'unknown'), link('loader', 'different')) },
    /^DIFFERS in loader/,
  ],
  [
    'nothing to compare with',
    { ok: true as const, boot: { ...boot(link('loader', 'unknown')), release: null } },
    /no release/,
  ],
])('%s', (_name, answer, line) => {
  expect(measuredBootLine(answer)).toMatch(line);
});
