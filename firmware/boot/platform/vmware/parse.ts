import { dmiMatch, type Platform, startsWith } from '../platform.ts';

export const vmware: Platform = {
  name: 'vmware',
  kind: 'hypervisor',
  dataSource: 'guestinfo',
  parse: (facts) =>
    dmiMatch(facts, 'sys_vendor', startsWith('VMware, Inc.')) ??
    dmiMatch(facts, 'product_name', startsWith('VMware')),
};
