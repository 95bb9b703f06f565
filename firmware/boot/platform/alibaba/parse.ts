import { dmiMatch, is, type Platform } from '../platform.ts';

export const alibaba: Platform = {
  name: 'alibaba',
  kind: 'cloud',
  dataSource: 'imds',
  parse: (facts) =>
    dmiMatch(facts, 'product_name', is('Alibaba Cloud ECS')) ??
    dmiMatch(facts, 'sys_vendor', is('Alibaba Cloud')),
};
