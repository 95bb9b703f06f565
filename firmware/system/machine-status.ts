import { readFileSync } from 'node:fs';
import type { Status } from '../webui/api/status-schema.ts';

/**
 * Reads /proc/meminfo (proc_meminfo(5)), whose "kB" are KiB. What programs could still get (`MemAvailable`) counts as
 * available, everything else as used.
 */
export function parseMemory(meminfo: string): Status['memory'] {
  const bytes = (name: string) => {
    const kibibytes = new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(meminfo)?.[1];
    return kibibytes === undefined ? 0 : Number(kibibytes) * 1024;
  };
  const totalBytes = bytes('MemTotal');
  const availableBytes = bytes('MemAvailable');
  return { totalBytes, usedBytes: Math.max(0, totalBytes - availableBytes), availableBytes };
}

/** The first number of /proc/uptime (proc_uptime(5)): seconds since the kernel started; 0 where there is none. */
export function parseUptime(uptime: string): number {
  const seconds = Number(/^(\d+(?:\.\d+)?)\s/.exec(uptime)?.[1]);
  return Number.isFinite(seconds) ? seconds : 0;
}

/**
 * Splits the kernel's command line at white space outside double quotes (kernel-parameters.rst). A word without `=` has
 * an empty value; of several with one name the last counts.
 */
export function parseKernelCommandLine(text: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const [word] of text.matchAll(/(?:[^\s"]|"[^"]*(?:"|$))+/g)) {
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    parameters.set(unquote(name), equals < 0 ? '' : unquote(word.slice(equals + 1)));
  }
  return parameters;
}

export const readMemory = (): Status['memory'] => parseMemory(readFileSync('/proc/meminfo', 'utf8'));

export const readUptimeSeconds = (): number => parseUptime(readFileSync('/proc/uptime', 'utf8'));

/** Such as `6.12.48+deb13-amd64`. */
export const readKernelRelease = (): string => readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim();

export const readKernelCommandLine = (): ReadonlyMap<string, string> =>
  parseKernelCommandLine(readFileSync('/proc/cmdline', 'utf8'));

function unquote(text: string): string {
  return text.replaceAll('"', '');
}
