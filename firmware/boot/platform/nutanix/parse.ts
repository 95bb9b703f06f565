import { dmiMatch, is, type Platform } from '../platform.ts';

/** Nutanix sells hardware too, as NX-…: that is a board and no guest. */
export const nutanix: Platform = {
  name: 'nutanix',
  kind: 'hypervisor',
  dataSource: 'nocloud',
  parse: (facts) =>
    facts.dmi.product_name?.startsWith('NX-') ? null : dmiMatch(facts, 'sys_vendor', is('Nutanix')),
};
