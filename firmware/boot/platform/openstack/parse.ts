import { dmiMatch, is, type Platform } from '../platform.ts';

const products = ['OpenStack Nova', 'OpenStack Compute'];
/** Public clouds on OpenStack that changed the product name and left their mark in the chassis. */
const assetTags = [...products, 'OpenTelekomCloud', 'SAP CCloud VM', 'HUAWEICLOUD'];

export const openstack: Platform = {
  name: 'openstack',
  kind: 'cloud',
  dataSource: 'openstack',
  parse: (facts) =>
    dmiMatch(facts, 'product_name', is(...products)) ??
    dmiMatch(facts, 'chassis_asset_tag', is(...assetTags)),
};
