import { dmiMatch, is, type Platform, startsWith } from '../platform.ts';

/** The vendor `Google` alone is no sign: Chromebooks have it too. */
export const gcp: Platform = {
  name: 'gcp',
  kind: 'cloud',
  dataSource: 'imds',
  parse: (facts) =>
    dmiMatch(facts, 'product_name', is('Google Compute Engine')) ??
    dmiMatch(facts, 'product_serial', startsWith('GoogleCloud-')),
};
