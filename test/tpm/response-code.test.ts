import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeResponseCode, describeResponseCode, isRetryable } from '../../firmware/tpm/response-code.ts';

describe('Part 2, 6.6 TPM_RC', () => {
  test.each([
    [0x0000_0100, 'TPM_RC_INITIALIZE (0x100)'],
    [0x0000_0101, 'TPM_RC_FAILURE (0x101)'],
    [0x0000_012f, 'TPM_RC_AUTH_UNAVAILABLE (0x12f)'],
    [0x0000_0902, 'TPM_RC_OBJECT_MEMORY (0x902)'],
    [0x0000_0922, 'TPM_RC_RETRY (0x922)'],
    [0x0000_01c4, 'TPM_RC_VALUE (0x1c4, parameter 1)'],
    [0x0000_0fc4, 'TPM_RC_VALUE (0xfc4, parameter 15)'],
    [0x0000_018b, 'TPM_RC_HANDLE (0x18b, handle 1)'],
    [0x0000_078b, 'TPM_RC_HANDLE (0x78b, handle 7)'],
    [0x0000_09a2, 'TPM_RC_BAD_AUTH (0x9a2, session 1)'],
    [0x0000_0084, 'TPM_RC_VALUE (0x84)'],
    [0x0000_00c4, 'TPM_RC_VALUE (0xc4)'],
    [0x0000_088e, 'TPM_RC_AUTH_FAIL (0x88e)'],
    [0x0000_001e, 'TPM_RC_BAD_TAG (0x1e)'],
    [0x000b_0143, 'TPM_RC_COMMAND_CODE (0xb0143, from the resource manager)'],
    [0x0007_0143, 'TPM_RC_COMMAND_CODE (0x70143, from another layer)'],
    // Neither TPM 1.2 codes, nor vendors' codes (bit 10), nor unassigned numbers have a name here.
    [0x0000_0028, 'TPM_RC_0x028 (0x28)'],
    [0x0000_0500, 'TPM_RC_0x500 (0x500)'],
    [0x0000_017f, 'TPM_RC_0x17f (0x17f)'],
    [0x0000_00bf, 'TPM_RC_0x0bf (0xbf)'],
  ])('code %i is %s', (value, text) => {
    expect(describeResponseCode(decodeResponseCode(value))).toBe(text);
  });

  test('only RETRY, YIELDED and TESTING of the TPM itself are worth a retry', () => {
    const retryable = Array.from({ length: 0x1000 }, (_, value) => value).filter((value) =>
      isRetryable(decodeResponseCode(value)),
    );
    expect(retryable).toEqual([0x908, 0x90a, 0x922]);
    expect(isRetryable(decodeResponseCode(0x000b_0922))).toBe(false);
  });

  test('every 32-bit value decodes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (value) => {
        const code = decodeResponseCode(value);
        expect(code.value).toBe(value);
        expect(code.name).toMatch(/^TPM_RC_(0x[0-9a-f]{3,8}|[A-Z0-9_]+)$/);
      }),
    );
  });
});
