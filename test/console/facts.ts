import type { ConsoleFacts } from '../../firmware/console/console-facts.ts';
import { normalStatus } from '../webui/status-fixtures.ts';

export const fingerprint = Array.from({ length: 32 }, (_, index) =>
  index.toString(16).padStart(2, '0').toUpperCase(),
).join(':');

/** A box that nobody has claimed and that is well. */
export const unclaimed: ConsoleFacts = {
  status: normalStatus(0),
  addresses: ['192.168.1.1', 'fd00::1', 'fe80::1%br-lan'],
  fingerprint,
  claimCode: '4KQ7-9XZM',
  measuredBoot: 'as released',
  shellAllowed: false,
};
