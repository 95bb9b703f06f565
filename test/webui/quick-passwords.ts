import { derivePassword } from '../../firmware/system/derive-password.ts';
import type { DerivePassword } from '../../firmware/webui/ports.ts';

/**
 * The box's own derivation at a thousandth of its cost, for tests that sign many people in and look at something else.
 * What it costs in a box is held by test/webui/passwords.test.ts.
 */
export const deriveQuickly: DerivePassword = (password, salt, { n, ...cost }, octets) =>
  derivePassword(password, salt, { ...cost, n: n / 1024 }, octets);
