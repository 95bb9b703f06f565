import { dmiMatch, is, type Platform } from '../platform.ts';

export const virtualbox: Platform = {
  name: 'virtualbox',
  kind: 'hypervisor',
  dataSource: 'nocloud',
  parse: (facts) =>
    dmiMatch(facts, 'product_name', is('VirtualBox')) ??
    dmiMatch(facts, 'sys_vendor', is('innotek GmbH')) ??
    dmiMatch(facts, 'board_name', is('VirtualBox')),
};
