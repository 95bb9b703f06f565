import { clockMatch, dmiMatch, is, type Platform } from '../platform.ts';

/** Azure is asked first: it has the same vendor and product. The vendor alone is a Surface or another PC of Microsoft's. */
export const hyperV: Platform = {
  name: 'hyper-v',
  kind: 'hypervisor',
  dataSource: 'nocloud',
  parse: (facts) =>
    facts.dmi.sys_vendor === 'Microsoft Corporation'
      ? dmiMatch(facts, 'product_name', is('Virtual Machine'))
      : clockMatch(facts, 'hyperv_'),
};
