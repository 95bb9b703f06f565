import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { HarnessError } from './harness-error.ts';

/** USB Network Redirection protocol 0.7: types of packets, and how long the headers are that this device reads. */
const packet = {
  ...{ hello: 0, connect: 1, reset: 3, interfaceInfo: 4, endpointInfo: 5 },
  ...{ setConfiguration: 6, getConfiguration: 7, configurationStatus: 8 },
  ...{ setAlternative: 9, getAlternative: 10, alternativeStatus: 11 },
  ...{ startInterrupt: 15, stopInterrupt: 16, interruptStatus: 17, cancel: 21, control: 100, interrupt: 103 },
} as const;
const [controlOctets, interruptOctets, helloOctets] = [10, 4, 68];
/** Of a hello, and of what follows between two who know ids of eight octets. */
const [firstHeader, header] = [12, 16];
const [stalled, controlType, interruptType, noType, fullSpeed] = [4, 0, 3, 255, 1];
/** What QEMU's XHCI wants: sizes of packets beside the endpoints, ids of eight octets, long bulk packets. */
const capabilities = (1 << 4) | (1 << 5) | (1 << 6);

const [inEndpoint, outEndpoint, packetOctets] = [0x81, 0x01, 64];
/** USB 2.0, 9.4 and 9.6; USB HID 1.11, 7.1. */
const [getDescriptor, ofDevice, ofInterface] = [0x06, 0x80, 0x81];

export type UsbHidDescription = {
  readonly vendorId: number;
  readonly productId: number;
  readonly product: string;
  /** USB HID 1.11, 6.2.2; reports have up to 64 octets and no number. */
  readonly reportDescriptor: Uint8Array;
};

/**
 * A USB device for people's hands (HID) that is a program: QEMU connects to its port with a `usb-redir` device, so that the
 * guest's own drivers find it on the bus, as one that somebody has plugged in. `Machine.plugUsbDevice` does that.
 */
export class UsbHidDevice implements AsyncDisposable {
  readonly #description: UsbHidDescription;
  readonly #onReport: (report: Uint8Array) => void;
  readonly #server: Server;
  #socket: Socket | null = null;
  #sent = 0n;
  #isRead = false;

  private constructor(description: UsbHidDescription, onReport: (report: Uint8Array) => void) {
    this.#description = description;
    this.#onReport = onReport;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /** @param onReport takes what the guest sends it */
  static async listen(
    description: UsbHidDescription,
    onReport: (report: Uint8Array) => void,
  ): Promise<UsbHidDevice> {
    const device = new UsbHidDevice(description, onReport);
    device.#server.listen(0, '127.0.0.1');
    await once(device.#server, 'listening');
    return device;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** To the guest; lost where it does not listen, as on a bus. */
  send(report: Uint8Array): void {
    if (!this.#isRead) return;
    const head = Buffer.alloc(interruptOctets);
    head.writeUInt8(inEndpoint, 0);
    head.writeUInt16LE(report.length, 2);
    this.#send(packet.interrupt, this.#sent++, head, report);
  }

  #serve(socket: Socket): void {
    this.#socket = socket;
    this.#isRead = false;
    let waiting = Buffer.alloc(0);
    let headerOctets: number = firstHeader;
    socket.on('error', () => socket.destroy());
    socket.on('data', (octets: Buffer) => {
      waiting = Buffer.concat([waiting, octets]);
      while (waiting.length >= headerOctets) {
        const end = headerOctets + waiting.readUInt32LE(4);
        if (waiting.length < end) break;
        const id = headerOctets === header ? waiting.readBigUInt64LE(8) : 0n;
        this.#take(waiting.readUInt32LE(0), id, waiting.subarray(headerOctets, end));
        waiting = waiting.subarray(end);
        headerOctets = header;
      }
    });
    const hello = Buffer.alloc(firstHeader + helloOctets);
    hello.writeUInt32LE(helloOctets, 4);
    hello.write('a HID device of a test', firstHeader);
    hello.writeUInt32LE(capabilities, hello.length - 4);
    socket.write(hello);
  }

  #connect(): void {
    this.#describeInterface();
    const { vendorId, productId } = this.#description;
    const connect = Buffer.alloc(8);
    connect.writeUInt8(fullSpeed, 0);
    connect.writeUInt16LE(vendorId, 4);
    connect.writeUInt16LE(productId, 6);
    this.#send(packet.connect, 0n, connect);
  }

  /** What the guest has to know before it uses a configuration: one interface of the class HID with two endpoints. */
  #describeInterface(): void {
    const info = Buffer.alloc(4 + 4 * 32);
    info.writeUInt32LE(1, 0);
    info.writeUInt8(3, 4 + 32);
    const endpoints = Buffer.alloc(3 * 32 + 2 * 32, 0).fill(noType, 0, 32);
    for (const index of [0, 16]) {
      endpoints.writeUInt8(controlType, index);
      endpoints.writeUInt16LE(packetOctets, 3 * 32 + 2 * index);
    }
    for (const index of [outEndpoint, 16 + (inEndpoint & 0x0f)]) {
      endpoints.writeUInt8(interruptType, index);
      endpoints.writeUInt8(1, 32 + index);
      endpoints.writeUInt16LE(packetOctets, 3 * 32 + 2 * index);
    }
    this.#send(packet.endpointInfo, 0n, endpoints);
    this.#send(packet.interfaceInfo, 0n, info);
  }

  #take(type: number, id: bigint, body: Buffer): void {
    switch (type) {
      case packet.hello:
        this.#connect();
        break;
      case packet.reset:
      case packet.cancel:
        break;
      case packet.setConfiguration:
        this.#describeInterface();
        this.#send(packet.configurationStatus, id, Buffer.of(0, body[0] ?? 0));
        break;
      case packet.getConfiguration:
        this.#send(packet.configurationStatus, id, Buffer.of(0, 1));
        break;
      case packet.setAlternative:
      case packet.getAlternative:
        this.#describeInterface();
        this.#send(packet.alternativeStatus, id, Buffer.of(0, body[0] ?? 0, body[1] ?? 0));
        break;
      case packet.startInterrupt:
      case packet.stopInterrupt:
        this.#isRead = type === packet.startInterrupt;
        this.#send(packet.interruptStatus, id, Buffer.of(0, body[0] ?? 0));
        break;
      case packet.control:
        this.#control(id, body);
        break;
      case packet.interrupt:
        this.#send(packet.interrupt, id, body.subarray(0, interruptOctets));
        this.#onReport(new Uint8Array(body.subarray(interruptOctets)));
        break;
      default:
        throw new HarnessError('refused', `QEMU asks a USB device for ${type}`);
    }
  }

  #control(id: bigint, body: Buffer): void {
    const [request, to, value, length] = [
      ...[body.readUInt8(1), body.readUInt8(2)],
      ...[body.readUInt16LE(4), body.readUInt16LE(8)],
    ] as [number, number, number, number];
    const isRead = (to & 0x80) !== 0;
    const answer = isRead ? this.#descriptor(request, to, value >> 8, value & 0xff) : Buffer.alloc(0);
    const head = Buffer.from(body.subarray(0, controlOctets));
    head.writeUInt8(answer === null ? stalled : 0, 3);
    const data = answer?.subarray(0, length) ?? Buffer.alloc(0);
    head.writeUInt16LE(isRead ? data.length : length, 8);
    this.#send(packet.control, id, head, data);
  }

  /** Null for what the device has not, as a device says it. */
  #descriptor(request: number, to: number, type: number, index: number): Buffer | null {
    if (request !== getDescriptor || (to !== ofDevice && to !== ofInterface)) return null;
    const { vendorId, productId, product, reportDescriptor } = this.#description;
    const octets16 = (value: number) => [value & 0xff, value >> 8];
    if (type === 1) {
      const ids = [...octets16(vendorId), ...octets16(productId), 0, 1];
      return Buffer.from([18, 1, 0, 2, 0, 0, 0, packetOctets, ...ids, 0, 1, 0, 1]);
    }
    if (type === 2) {
      const hid = [9, 0x21, 0x11, 1, 0, 1, 0x22, ...octets16(reportDescriptor.length)];
      const ends = [inEndpoint, outEndpoint].flatMap((end) => [7, 5, end, 3, packetOctets, 0, 1]);
      return Buffer.from([9, 2, 41, 0, 1, 1, 0, 0x80, 50, 9, 4, 0, 0, 2, 3, 0, 0, 0, ...hid, ...ends]);
    }
    if (type === 3) {
      const text = index === 0 ? Buffer.of(9, 4) : Buffer.from(product, 'utf16le');
      return Buffer.concat([Buffer.of(2 + text.length, 3), text]);
    }
    return type === 0x22 ? Buffer.from(reportDescriptor) : null;
  }

  #send(type: number, id: bigint, ...parts: readonly Uint8Array[]): void {
    const body = Buffer.concat(parts);
    const head = Buffer.alloc(header);
    head.writeUInt32LE(type, 0);
    head.writeUInt32LE(body.length, 4);
    head.writeBigUInt64LE(id, 8);
    this.#socket?.write(Buffer.concat([head, body]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket?.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
