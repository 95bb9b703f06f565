import { dmiMatch, is, type Platform } from '../platform.ts';

/** Only the tag: Oracle's own servers carry the vendor `Oracle Corporation`. */
export const oracle: Platform = {
  name: 'oracle',
  kind: 'cloud',
  dataSource: 'opc',
  parse: (facts) => dmiMatch(facts, 'chassis_asset_tag', is('OracleCloud.com')),
};
