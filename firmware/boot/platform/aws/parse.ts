import type { PlatformFacts } from '../facts.ts';
import { dmiMatch, is, type Platform, type PlatformMatch } from '../platform.ts';

/** As SMBIOS before 2.6 is read: the first three fields of an EC2 UUID may come in little-endian order. */
const ec2Uuid = /^(?:ec2|[0-9a-f]{4}2[0-9a-f]ec)/i;

/**
 * A random UUID begins with `ec2` once in 4096 machines. So the UUID decides alone only where nobody else claims the
 * machine; else it has to be the serial number as well, as EC2 makes it.
 */
function byUuid({ dmi }: PlatformFacts): PlatformMatch | null {
  const uuid = dmi.product_uuid;
  if (uuid === undefined || !ec2Uuid.test(uuid)) return null;
  const unclaimed = dmi.sys_vendor === undefined || dmi.sys_vendor === 'Xen';
  const doubled = dmi.product_serial?.toLowerCase() === uuid.toLowerCase();
  return unclaimed || doubled ? { strength: 'stated', decidedBy: `dmi/product_uuid = ${uuid}` } : null;
}

/** @see Amazon EC2 User Guide, "Detect whether a host is an EC2 instance" */
export const aws: Platform = {
  name: 'aws',
  kind: 'cloud',
  dataSource: 'imds',
  parse(facts) {
    const byName =
      dmiMatch(facts, 'sys_vendor', is('Amazon EC2')) ?? dmiMatch(facts, 'bios_vendor', is('Amazon EC2'));
    if (byName) return byName;
    const { uuid } = facts.hypervisor;
    if (uuid && /^ec2/i.test(uuid)) return { strength: 'stated', decidedBy: `hypervisor/uuid = ${uuid}` };
    // Instances on Xen: `4.11.amazon` and the like.
    return dmiMatch(facts, 'bios_version', (version) => /\.amazon$/i.test(version)) ?? byUuid(facts);
  },
};
