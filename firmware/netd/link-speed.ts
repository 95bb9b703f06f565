import type { NetworkSystem } from './system-port.ts';

/** What the two ends of a cable have agreed on. */
export type LinkSpeed = { readonly megabits: number; readonly duplex: 'full' | 'half' | null };

/**
 * As the driver tells it (Documentation/ABI/testing/sysfs-class-net): -1, or an error when it is read, where there is no
 * link or the driver does not know. Virtual NICs mostly do not.
 */
export function linkSpeed(
  { readKernelValue }: Pick<NetworkSystem, 'readKernelValue'>,
  kernelName: string,
): LinkSpeed | null {
  const text = readKernelValue(`/sys/class/net/${kernelName}/speed`);
  if (text === null || !/^[1-9]\d{0,7}$/.test(text)) return null;
  const duplex = readKernelValue(`/sys/class/net/${kernelName}/duplex`);
  return { megabits: Number(text), duplex: duplex === 'full' || duplex === 'half' ? duplex : null };
}
