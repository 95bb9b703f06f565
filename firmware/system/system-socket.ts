import { isIPv4 } from 'node:net';
import { getSystemErrorMessage, getSystemErrorName } from 'node:util';
import { formatIpv6, parseIpv6 } from '../bytes/ipv6-text.ts';

/** Numbers of the kernel's interface (linux/socket.h, linux/in.h), the same on x86-64 and arm64. */
export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;

/** A socket call failed; the message says which and why. */
class SocketCallError extends Error {
  override readonly name = 'SocketCallError';
  readonly code = 'socket';
}

async function loadLibc() {
  // Loaded when needed: the page must not wait for it.
  const { default: koffi } = await import('koffi');
  const libc = koffi.load('libc.so.6');
  // struct sock_fprog (linux/filter.h); koffi finds it by its name below.
  koffi.struct('HitheSockFprog', { len: 'uint16_t', filter: 'const uint8_t *' });
  return {
    errno: () => koffi.errno(),
    poll: koffi.node.poll,
    socket: libc.func('int socket(int domain, int type, int protocol)'),
    close: libc.func('int close(int fd)'),
    bind: libc.func('int bind(int fd, const uint8_t *address, uint32_t length)'),
    connect: libc.func('int connect(int fd, const uint8_t *address, uint32_t length)'),
    getsockname: libc.func('int getsockname(int fd, _Out_ uint8_t *address, _Inout_ uint32_t *length)'),
    setsockopt: libc.func('int setsockopt(int fd, int level, int option, const int *value, uint32_t length)'),
    attachFilter: libc.func(
      'int setsockopt(int fd, int level, int option, const HitheSockFprog *program, uint32_t length)',
    ),
    getsockopt: libc.func(
      'int getsockopt(int fd, int level, int option, _Out_ uint32_t *value, _Inout_ uint32_t *length)',
    ),
    sendto: libc.func(
      'long sendto(int fd, const uint8_t *data, size_t size, int flags, const uint8_t *to, uint32_t length)',
    ),
    recvfrom: libc.func(
      'long recvfrom(int fd, _Out_ uint8_t *data, size_t size, int flags, _Out_ uint8_t *from, _Inout_ uint32_t *length)',
    ),
  };
}

type Libc = Awaited<ReturnType<typeof loadLibc>>;
let loaded: Promise<Libc> | undefined;

/** A socket of a kind that Node has none for. Calls that fail throw `SocketCallError` unless they say otherwise. */
export class SystemSocket {
  readonly fd: number;
  readonly #libc: Libc;
  #stopWatching: (() => void) | undefined;

  private constructor(libc: Libc, fd: number) {
    this.#libc = libc;
    this.fd = fd;
  }

  static async open(domain: number, type: number, protocol: number): Promise<SystemSocket> {
    loaded ??= loadLibc();
    const libc = await loaded;
    return new SystemSocket(
      libc,
      checked(libc, 'socket', libc.socket(domain, type | SOCK_CLOEXEC, protocol)),
    );
  }

  /** Another socket, at once. */
  another(domain: number, type: number, protocol: number): SystemSocket {
    const libc = this.#libc;
    return new SystemSocket(
      libc,
      checked(libc, 'socket', libc.socket(domain, type | SOCK_CLOEXEC, protocol)),
    );
  }

  setOption(level: number, option: number, value: number): void {
    this.#check('setsockopt', this.#libc.setsockopt(this.fd, level, option, [value], 4));
  }

  /** An option that is a structure of 32-bit words in host byte order. */
  setWords(level: number, option: number, words: readonly number[]): void {
    const signed = words.map((word) => word | 0);
    this.#check('setsockopt', this.#libc.setsockopt(this.fd, level, option, signed, words.length * 4));
  }

  /** Has the kernel pass on only what a classic BPF program wants: struct sock_filter, eight octets each. */
  attachFilter(program: Uint8Array): void {
    const value = { len: program.length / 8, filter: program };
    this.#check('setsockopt', this.#libc.attachFilter(this.fd, SOL_SOCKET, SO_ATTACH_FILTER, value, 16));
  }

  /** An option that is an array of 32-bit numbers. */
  option(level: number, option: number, count: number): Uint32Array {
    const value = new Uint32Array(count);
    const length = Uint32Array.of(value.byteLength);
    this.#check('getsockopt', this.#libc.getsockopt(this.fd, level, option, value, length));
    return value;
  }

  bind(address: string, port: number): void {
    const name = encodeName(address, port);
    this.#check('bind', this.#libc.bind(this.fd, name, name.length));
  }

  /** Binds to a name of another family than IP: a whole struct sockaddr. */
  bindName(name: Uint8Array): void {
    this.#check('bind', this.#libc.bind(this.fd, name, name.length));
  }

  connect(address: string, port: number): void {
    const name = encodeName(address, port);
    this.#check('connect', this.#libc.connect(this.fd, name, name.length));
  }

  localAddress(): string {
    const name = new Uint8Array(nameLength);
    this.#check('getsockname', this.#libc.getsockname(this.fd, name, Uint32Array.of(nameLength)));
    return decodeAddress(name);
  }

  /** @param port of UDP; raw sockets have none */
  send(octets: Uint8Array, to: string, port = 0): void {
    const name = encodeName(to, port);
    const sent = this.#libc.sendto(this.fd, octets, octets.length, MSG_DONTWAIT, name, name.length);
    this.#check('sendto', sent);
  }

  /** Sends to the socket's own other side: of netlink that is the kernel. */
  write(octets: Uint8Array): void {
    this.#check('sendto', this.#libc.sendto(this.fd, octets, octets.length, MSG_DONTWAIT, null, 0));
  }

  /** The next datagram that has come, whoever sent it, or undefined. That some were lost (ENOBUFS) is passed over. */
  read(buffer: Uint8Array): Uint8Array | undefined {
    for (;;) {
      const { fd } = this;
      const length = Number(this.#libc.recvfrom(fd, buffer, buffer.length, MSG_DONTWAIT, null, null));
      if (length >= 0) return buffer.subarray(0, length);
      if (getSystemErrorName(-this.#libc.errno()) !== 'ENOBUFS') return undefined;
    }
  }

  /** The next datagram that has come, cut to the buffer's length, or undefined. An error that a peer caused (ICMP) is passed over. */
  receive(
    buffer: Uint8Array,
  ): { readonly length: number; readonly from: string; readonly port: number } | undefined {
    for (;;) {
      const name = new Uint8Array(nameLength);
      const length = Number(
        this.#libc.recvfrom(this.fd, buffer, buffer.length, MSG_DONTWAIT, name, Uint32Array.of(nameLength)),
      );
      if (length >= 0)
        return { length, from: decodeAddress(name), port: new DataView(name.buffer).getUint16(2) };
      if (getSystemErrorName(-this.#libc.errno()) === 'EAGAIN') return undefined;
    }
  }

  /** The next datagram as far as the buffer holds it, with its whole length, or undefined. */
  readCut(buffer: Uint8Array): { readonly octets: Uint8Array; readonly length: number } | undefined {
    const flags = MSG_DONTWAIT | MSG_TRUNC;
    const length = Number(this.#libc.recvfrom(this.fd, buffer, buffer.length, flags, null, null));
    return length < 0 ? undefined : { octets: buffer.subarray(0, Math.min(length, buffer.length)), length };
  }

  /** Calls back whenever something can be received, as long as something can. */
  watch(readable: () => void): void {
    const handle = this.#libc.poll(this.fd, { readable: true }, readable);
    this.#stopWatching = () => handle.close();
  }

  close(): void {
    this.#stopWatching?.();
    this.#libc.close(this.fd);
  }

  #check(call: string, result: unknown): void {
    checked(this.#libc, call, result);
  }
}

function checked(libc: Libc, call: string, result: unknown): number {
  const number = Number(result);
  if (number < 0) throw new SocketCallError(`${call}: ${getSystemErrorMessage(-libc.errno())}`);
  return number;
}

/** sizeof(struct sockaddr_in6), the longer one. */
const nameLength = 28;

/** struct sockaddr_in or sockaddr_in6: the family in host byte order, which is little-endian on both architectures. */
function encodeName(address: string, port: number): Uint8Array {
  const name = new Uint8Array(isIPv4(address) ? 16 : nameLength);
  const view = new DataView(name.buffer);
  view.setUint16(0, isIPv4(address) ? AF_INET : AF_INET6, true);
  view.setUint16(2, port);
  name.set(addressOctets(address), isIPv4(address) ? 4 : 8);
  return name;
}

function decodeAddress(name: Uint8Array): string {
  const family = new DataView(name.buffer).getUint16(0, true);
  return family === AF_INET ? name.subarray(4, 8).join('.') : formatIpv6(name.subarray(8, 24));
}

/** The 4 or 16 octets of an address without zone. */
export function addressOctets(address: string): Uint8Array {
  if (isIPv4(address)) return Uint8Array.from(address.split('.'), Number);
  const octets = parseIpv6(address);
  if (octets === undefined) throw new SocketCallError(`${address} is not an address`);
  return octets;
}
