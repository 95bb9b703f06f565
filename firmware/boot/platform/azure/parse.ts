import { dmiMatch, is, type Platform } from '../platform.ts';

/** The tag that Azure alone sets; its vendor and product are those of any Hyper-V machine. */
export const azure: Platform = {
  name: 'azure',
  kind: 'cloud',
  dataSource: 'imds',
  parse: (facts) => dmiMatch(facts, 'chassis_asset_tag', is('7783-7084-3265-9085-8269-3286-77')),
};
