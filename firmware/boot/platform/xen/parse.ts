import { clockMatch, dmiMatch, is, type Platform } from '../platform.ts';

/**
 * HVM guests have Xen's DMI. Others (PV, PVH, Arm) have only what the kernel tells, which a board that is itself the
 * host of Xen guests has too.
 */
export const xen: Platform = {
  name: 'xen',
  kind: 'hypervisor',
  dataSource: 'nocloud',
  parse(facts) {
    const byName =
      dmiMatch(facts, 'sys_vendor', is('Xen')) ?? dmiMatch(facts, 'product_name', is('HVM domU'));
    if (byName) return byName;
    if (facts.hypervisor.type === 'xen') return { strength: 'hinted', decidedBy: 'hypervisor/type = xen' };
    const node = facts.deviceTree.hypervisor.find((name) => name.startsWith('xen,'));
    if (node) return { strength: 'hinted', decidedBy: `device-tree/hypervisor/compatible = ${node}` };
    return clockMatch(facts, 'xen');
  },
};
