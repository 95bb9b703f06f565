import { programs } from '../netd/system-port.ts';
import { limits } from './limits.ts';

/** Where an entry of the bundle comes from. */
export type Source =
  /** The API of the box, over its own socket. */
  | { readonly kind: 'api'; readonly path: string }
  | { readonly kind: 'command'; readonly program: string; readonly args: readonly string[] }
  | { readonly kind: 'file'; readonly path: string; readonly binary?: true };

const api = (path: string): Source => ({ kind: 'api', path });
const ip = (...args: string[]): Source => ({ kind: 'command', program: programs.ip, args });
const busybox = (...args: string[]): Source => ({ kind: 'command', program: programs.busybox, args });
const file = (path: string): Source => ({ kind: 'file', path });

/**
 * What is in a support bundle. Keys of security associations are not asked for: the kernel leaves them out with `nokeys`.
 * Settings come with their secrets hidden.
 */
export const contents: Readonly<Record<string, Source>> = {
  'box/status.json': api('/api/v1/status'),
  'box/log.json': api(`/api/v1/log?limit=${limits.logLines}`),
  // Where the runtime does not answer, its log is what tells why.
  'box/log.jsonl': file('/run/hithe/log.jsonl'),
  'box/settings.json': api('/api/v1/config'),
  'box/settings-history.json': api('/api/v1/config/history'),
  'box/audit.json': api(`/api/v1/audit?limit=${limits.auditLines}`),
  'box/alarms.json': api('/api/v1/alarms'),
  'box/policy.json': api('/api/v1/policy'),
  'box/devices.json': api('/api/v1/devices'),
  'box/flows-status.json': api('/api/v1/flows/status'),
  'box/measured-boot.json': api('/api/v1/attestation'),
  'network/addresses.txt': ip('-details', '-statistics', 'address'),
  'network/routes-ipv4.txt': ip('-4', 'route', 'show', 'table', 'all'),
  'network/routes-ipv6.txt': ip('-6', 'route', 'show', 'table', 'all'),
  'network/rules-ipv4.txt': ip('-4', 'rule'),
  'network/rules-ipv6.txt': ip('-6', 'rule'),
  'network/neighbours.txt': ip('neighbour'),
  'network/xfrm-states.txt': ip('-statistics', 'xfrm', 'state', 'list', 'nokeys'),
  'network/xfrm-policies.txt': ip('-statistics', 'xfrm', 'policy'),
  'network/xfrm-counters.txt': file('/proc/net/xfrm_stat'),
  'network/ruleset.txt': { kind: 'command', program: programs.nft, args: ['list', 'ruleset'] },
  'network/conntrack.txt': { kind: 'command', program: programs.conntrack, args: ['-S'] },
  'network/sockets.txt': file('/proc/net/sockstat'),
  'kernel/messages.txt': busybox('dmesg'),
  'kernel/version.txt': file('/proc/version'),
  'kernel/command-line.txt': file('/proc/cmdline'),
  'kernel/modules.txt': file('/proc/modules'),
  'kernel/interrupts.txt': file('/proc/interrupts'),
  'kernel/memory.txt': file('/proc/meminfo'),
  'kernel/processors.txt': file('/proc/cpuinfo'),
  'kernel/mounts.txt': file('/proc/mounts'),
  'kernel/file-systems.txt': busybox('df', '-k'),
  'kernel/processes.txt': busybox('ps', '-o', 'pid,ppid,stat,vsz,rss,comm'),
  'versions/image.txt': file('/etc/os-release'),
  'versions/ip.txt': ip('-V'),
  'versions/nft.txt': { kind: 'command', program: programs.nft, args: ['--version'] },
  'boot/firmware-event-log': {
    ...{ kind: 'file', path: '/sys/kernel/security/tpm0/binary_bios_measurements', binary: true },
  },
};
