import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { decodeResponseCode } from '../../firmware/tpm/response-code.ts';

test('severity and subject agree with tpm2_rc_decode', () => {
  const samples = [0x101, 0x922, 0x90a, 0x1c4, 0x2d2, 0x18b, 0x28b, 0x9a2, 0xa8e, 0x12f, 0x155];
  for (const value of samples) {
    const theirs = execFileSync('tpm2_rc_decode', [`0x${value.toString(16)}`], { encoding: 'utf8' });
    const { severity, subject } = decodeResponseCode(value);
    const ours =
      subject === undefined
        ? severity === 'warning'
          ? 'warn'
          : 'error'
        : `${subject.kind}(${subject.index})`;
    expect(theirs).toContain(`tpm:${ours}`);
  }
});
