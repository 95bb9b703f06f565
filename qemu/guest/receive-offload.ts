import koffi from 'koffi';

/** Numbers of the kernel's interface (linux/socket.h, linux/sockios.h, linux/ethtool.h). */
const AF_INET = 2;
const SOCK_DGRAM = 2;
const SIOCETHTOOL = 0x8946;
const ETHTOOL_SGRO = 0x2c;

/**
 * Lets links of the own network namespace put segments that come in together into one packet (GRO), as the kernel does
 * for every real port unless somebody forbids it; a veth does not.
 */
export function joinSegments(names: readonly string[]): void {
  const libc = koffi.load('libc.so.6');
  const value = koffi.struct({ command: 'uint32_t', data: 'uint32_t' });
  const request = koffi.struct({
    name: koffi.array('char', 16, 'String'),
    value: koffi.pointer(value),
    rest: koffi.array('uint8_t', 16),
  });
  const socket = libc.func('int socket(int domain, int type, int protocol)');
  const ioctl = libc.func('ioctl', 'int', ['int', 'unsigned long', koffi.pointer(request)]);
  const fd: number = socket(AF_INET, SOCK_DGRAM, 0);
  for (const name of names) {
    const asked = { name, value: { command: ETHTOOL_SGRO, data: 1 }, rest: new Uint8Array(16) };
    if (ioctl(fd, SIOCETHTOOL, asked) !== 0) throw new Error(`${name} cannot put segments together`);
  }
}

/** The same as a program: links are its arguments. */
export async function runReceiveOffload(names: readonly string[]): Promise<void> {
  joinSegments(names);
}
