import type { Platform } from '../platform.ts';

/** Always matches, asked last: an unknown PC, or a hypervisor that says only that it is one. */
export const generic: Platform = {
  name: 'generic',
  kind: 'unknown',
  dataSource: 'nocloud',
  parse: (facts) => ({
    strength: 'stated',
    decidedBy: facts.cpu.hypervisorFlag ? 'cpuinfo/flags = hypervisor' : 'nothing known matched',
  }),
};
