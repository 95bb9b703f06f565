import {
  createHash,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { certificateValidity, makeCertificate } from '../../firmware/webui/tls-certificate.ts';

/** What a key may do wrong. */
export type Flaw =
  /** Says that it takes no U2F messages. */
  | 'no-u2f'
  | 'counter-falls'
  | 'wrong-signature'
  | 'no-presence'
  /** Of its answers to messages. */
  | 'silent'
  | 'stops-in-the-middle'
  | 'wrong-sequence'
  | 'message-in-another'
  | 'too-long'
  | 'short-report'
  | 'unknown-status'
  | 'no-status'
  | 'other-command'
  | 'error'
  /** Right all the same: another program's packets between, and signs of life before the answer. */
  | 'foreign-packets'
  | 'keep-alive'
  | 'busy-once';

type Credential = { readonly application: string; readonly privateKey: KeyObject };

type Incoming = {
  readonly channel: number;
  readonly command: number;
  readonly length: number;
  readonly octets: Buffer;
  readonly next: number;
};

const [firstData, nextData] = [57, 59];

/**
 * A security key as a program: FIDO U2F Raw Message Formats 1.2 over FIDO U2F HID Protocol 1.2, written by the
 * specifications and without the firmware's own code for them. It signs really; test/security-key/libfido2.program.test.ts
 * has libfido2 look at it.
 */
export class VirtualKey {
  /** Set where the key is plugged in: takes its reports. */
  emit: (report: Uint8Array) => void = () => undefined;
  readonly flaws = new Set<Flaw>();
  /** Whether it waits for a touch, as a key blinks. */
  blinks = false;
  counter = 7;
  /** Messages that it took. */
  asked = 0;
  #touches = 0;
  #channels = 0;
  #incoming: Incoming | null = null;
  readonly #credentials = new Map<string, Credential>();
  readonly #maker: KeyObject;
  readonly #certificate: Buffer;

  private constructor(maker: KeyObject, certificate: Buffer) {
    this.#maker = maker;
    this.#certificate = certificate;
  }

  static async make(): Promise<VirtualKey> {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = await makeCertificate({
      key: {
        privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
        publicKeyDer: new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })),
        sign: (message) => new Uint8Array(sign('sha256', message, { key: privateKey, dsaEncoding: 'der' })),
      },
      ...{ commonName: 'Security key of a test', dnsNames: [], addresses: [], serial: randomBytes(8) },
      ...certificateValidity(Date.now()),
    });
    return new VirtualKey(privateKey, new X509Certificate(pem).raw);
  }

  /** Somebody touches it once. */
  touch(): void {
    this.#touches = 1;
  }

  /** A second key with the same credentials and the counter of this moment, as nobody should be able to make. */
  copied(): VirtualKey {
    const copy = new VirtualKey(this.#maker, this.#certificate);
    for (const [handle, credential] of this.#credentials) copy.#credentials.set(handle, credential);
    copy.counter = this.counter;
    return copy;
  }

  /** Pulled out: what was coming is lost. */
  forgetConversation(): void {
    this.#incoming = null;
    this.#touches = 0;
    this.blinks = false;
  }

  take(given: Uint8Array): void {
    const report = Buffer.from(given);
    if (report.length !== 64) throw new Error(`a report of ${report.length} octets`);
    const channel = report.readUInt32BE(0);
    const incoming = this.#incoming;
    const mark = report.readUInt8(4);
    if (mark >= 0x80) {
      const [command, length] = [mark - 0x80, report.readUInt16BE(5)];
      this.#goOn({ channel, command, length, octets: report.subarray(7), next: 0 });
    } else if (incoming?.channel === channel) {
      if (incoming.next !== mark) this.#send(channel, 0x3f, Buffer.of(0x04));
      else {
        const octets = Buffer.concat([incoming.octets, report.subarray(5)]);
        this.#goOn({ ...incoming, octets, next: mark + 1 });
      }
    }
  }

  #goOn(message: Incoming): void {
    const { channel, command, length, octets } = message;
    this.#incoming = octets.length < length ? message : null;
    if (this.#incoming === null) this.#answer(channel, command, octets.subarray(0, length));
  }

  #answer(channel: number, command: number, message: Buffer): void {
    if (command === 0x06) {
      const answer = Buffer.alloc(17);
      message.copy(answer, 0, 0, 8);
      this.#channels += 1;
      answer.writeUInt32BE(0x01020300 + this.#channels, 8);
      // Version 2 of the protocol, version 1.0.0 of the device, and that it winks.
      answer.set([2, 1, 0, 0, this.flaws.has('no-u2f') ? 0x09 : 0x01], 12);
      this.#send(channel, command, answer);
    } else if (command === 0x03) {
      this.asked += 1;
      for (const packet of this.#flawed(channel, command, this.#apdu(message)))
        this.emit(new Uint8Array(packet));
    } else if (command === 0x01) this.#send(channel, command, message);
    else this.#send(channel, 0x3f, Buffer.of(0x01));
  }

  #apdu(apdu: Buffer): Buffer {
    const [instruction, parameter] = [apdu.readUInt8(1), apdu.readUInt8(2)];
    const data = apdu.subarray(7, 7 + apdu.readUIntBE(4, 3));
    if (instruction === 0x03) return Buffer.concat([Buffer.from('U2F_V2'), word(0x9000)]);
    if (instruction === 0x01) return this.#register(data);
    if (instruction === 0x02) return this.#authenticate(parameter, data);
    return word(0x6d00);
  }

  #isTouched(): boolean {
    this.blinks = this.#touches === 0;
    this.#touches = 0;
    return !this.blinks;
  }

  #register(data: Buffer): Buffer {
    if (data.length !== 64) return word(0x6700);
    if (!this.#isTouched()) return word(0x6985);
    const [challenge, application] = [data.subarray(0, 32), data.subarray(32)];
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const point = publicKey.export({ type: 'spki', format: 'der' }).subarray(-65);
    const handle = randomBytes(64);
    this.#credentials.set(handle.toString('hex'), { application: application.toString('hex'), privateKey });
    const signed = Buffer.concat([Buffer.of(0), application, challenge, handle, point]);
    const signature = this.#signed(signed, this.#maker);
    const head = [Buffer.of(5), point, Buffer.of(handle.length), handle];
    return Buffer.concat([...head, this.#certificate, signature, word(0x9000)]);
  }

  #authenticate(control: number, data: Buffer): Buffer {
    const [challenge, application] = [data.subarray(0, 32), data.subarray(32, 64)];
    const handle = data.subarray(65, 65 + (data[64] ?? 0)).toString('hex');
    const credential = this.#credentials.get(handle);
    if (credential === undefined || credential.application !== application.toString('hex'))
      return word(0x6a80);
    if (control === 0x07 || !this.#isTouched()) return word(0x6985);
    this.counter += this.flaws.has('counter-falls') ? -1 : 1;
    const said = Buffer.alloc(5);
    said.writeUInt8(this.flaws.has('no-presence') ? 0 : 1, 0);
    said.writeUInt32BE(this.counter, 1);
    const signed = Buffer.concat([application, said, challenge]);
    return Buffer.concat([said, this.#signed(signed, credential.privateKey), word(0x9000)]);
  }

  #signed(message: Buffer, key: KeyObject): Buffer {
    const other = this.flaws.has('wrong-signature') ? createHash('sha256').update(message).digest() : message;
    return sign('sha256', other, { key, dsaEncoding: 'der' });
  }

  /** What goes out in the place of a right answer. */
  #flawed(channel: number, command: number, message: Buffer): readonly Buffer[] {
    const packets = packetsOf(channel, command, message);
    const [first = Buffer.alloc(64)] = packets;
    const changed = (at: number, octet: number) => Buffer.from(first).fill(octet, at, at + 1);
    // Of one length, whatever the message has; the rest never comes.
    const longer = changed(5, 1);
    const [flaw] = this.flaws;
    switch (flaw) {
      case 'silent':
        return [];
      case 'stops-in-the-middle':
        return [longer];
      case 'wrong-sequence':
        return [longer, ...packetsOf(channel, 0, Buffer.alloc(600)).slice(2, 3)];
      case 'message-in-another':
        return [longer, first];
      case 'too-long':
        return [changed(5, 0xff)];
      case 'short-report':
        return [first.subarray(0, 63)];
      case 'unknown-status':
        return packetsOf(channel, command, word(0x6f00));
      case 'no-status':
        return packetsOf(channel, command, Buffer.of(0x90));
      case 'other-command':
        return packetsOf(channel, 0x01, message);
      case 'error':
        return packetsOf(channel, 0x3f, Buffer.of(0x7f));
      case 'busy-once':
        this.flaws.clear();
        return packetsOf(channel, 0x3f, Buffer.of(0x06));
      case 'keep-alive':
        return [...packetsOf(channel, 0x3b, Buffer.of(2)), ...packets];
      case 'foreign-packets':
        return packets.flatMap((packet) => [...packetsOf(99, command, Buffer.alloc(9)), packet]);
      default:
        return packets;
    }
  }

  #send(channel: number, command: number, message: Buffer): void {
    for (const packet of packetsOf(channel, command, message)) this.emit(new Uint8Array(packet));
  }
}

function word(status: number): Buffer {
  return Buffer.of(status >> 8, status & 0xff);
}

function packetsOf(channel: number, command: number, message: Buffer): readonly Buffer[] {
  const packets: Buffer[] = [];
  for (let at = 0; packets.length === 0 || at < message.length; ) {
    const packet = Buffer.alloc(64);
    packet.writeUInt32BE(channel, 0);
    const isFirst = packets.length === 0;
    if (isFirst) {
      packet.writeUInt8(0x80 + command, 4);
      packet.writeUInt16BE(message.length, 5);
    } else packet.writeUInt8(packets.length - 1, 4);
    message.copy(packet, isFirst ? 7 : 5, at);
    at += isFirst ? firstData : nextData;
    packets.push(packet);
  }
  return packets;
}
