import { z } from 'zod';
import { limits } from './limits.ts';

const minutes = z.int().min(0).max(limits.alarmMinutes);

/** When an alarm is raised; 0 is never. */
export const alarmsSettings = z.strictObject({
  /** Denied packets of one device in a minute. */
  deniedPerMinute: z.int().min(0).max(limits.alarmPackets),
  /** Of a tunnel that is always wanted. */
  tunnelDownMinutes: minutes,
  /** Of a receiver of flows that takes none. */
  receiverDownMinutes: minutes,
  /** When a verifier's verdict about a peer fails, or lapses. */
  failedVerdicts: z.boolean(),
  /** When flows are not recorded. */
  lostFlows: z.boolean(),
  /** When two ends speak with one another that never did. */
  newTalkers: z.boolean(),
  /** Hours since the box began to remember who speaks with whom, before which nobody is new. */
  newTalkersAfterHours: z.int().min(0).max(limits.alarmHours),
});
export type AlarmsSettings = z.infer<typeof alarmsSettings>;

export const defaultAlarms: AlarmsSettings = {
  // The kernel tells of 200 denied packets a second at most: a device that retries is below this, one that scans above.
  deniedPerMinute: 600,
  tunnelDownMinutes: 5,
  receiverDownMinutes: 15,
  failedVerdicts: true,
  lostFlows: true,
  // Whoever turns it on wants to hear of every new pair.
  newTalkers: false,
  newTalkersAfterHours: 24,
};
