import { getSystemErrorName } from 'node:util';

/**
 * Calls ioctl(2) with a pointer to an `int` that holds `value` and returns the `int` that is there afterwards.
 * `request` is the number from the kernel's headers. Rejects with an `Error` whose `code` is the system's name (`ENOTTY`).
 */
export async function ioctlInt(descriptor: number, request: number, value: number): Promise<number> {
  // Loaded here: the library is a large one and the page answers without it.
  const { default: koffi } = await import('koffi');
  const ioctl = koffi.load(null).func('int ioctl(int descriptor, unsigned long request, ...)');
  const argument = new Int32Array([value]);
  if (ioctl(descriptor, request, 'void *', argument) === -1) {
    const code = getSystemErrorName(-koffi.errno());
    throw Object.assign(new Error(`ioctl 0x${request.toString(16)}: ${code}`), { code });
  }
  return argument[0] ?? value;
}
