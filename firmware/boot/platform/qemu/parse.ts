import { clockMatch, dmiMatch, is, type Platform } from '../platform.ts';

/** QEMU, with KVM or without, and the small monitors beside it (Firecracker, crosvm), which show themselves as KVM. */
export const qemu: Platform = {
  name: 'qemu',
  kind: 'hypervisor',
  dataSource: 'nocloud',
  parse(facts) {
    const byName =
      dmiMatch(facts, 'sys_vendor', is('QEMU')) ??
      dmiMatch(facts, 'product_name', (name) => /^(?:KVM|RHEL|RHEV Hypervisor|oVirt Node|Bochs)$/.test(name));
    if (byName) return byName;
    const machine = facts.deviceTree.compatible.find(is('linux,dummy-virt', 'qemu,pseries'));
    if (machine) return { strength: 'stated', decidedBy: `device-tree/compatible = ${machine}` };
    // A provider that writes its own vendor and product often leaves QEMU's chassis.
    const byChassis = dmiMatch(facts, 'chassis_vendor', is('QEMU'), 'hinted');
    if (byChassis) return byChassis;
    if (facts.firmwareConfiguration) return { strength: 'hinted', decidedBy: 'firmware/qemu_fw_cfg' };
    return clockMatch(facts, 'kvm-clock');
  },
};
