import { toHex } from '../bytes/bytes.ts';
import { Reader } from '../bytes/reader.ts';
import { readGuid } from './guid.ts';
import { limits } from './limits.ts';
import { latin1Text, readableText, utf16Text } from './readable-text.ts';

/** Types of device path nodes (UEFI 2.10 §10.3). */
const nodeType = { hardware: 1, acpi: 2, messaging: 3, media: 4, bios: 5, end: 0x7f } as const;
const endOfInstance = 0x01;

/**
 * An EFI device path as text, in the form of UEFI 2.10 §10.6: `PciRoot(0x0)/Pci(0x1,0x0)/HD(1,GPT,…)/\EFI\BOOT\BOOTX64.EFI`.
 * Nodes without a form of their own here are shown as `Path(type,subtype,hex)`.
 */
export function readDevicePath(reader: Reader): string {
  const instances: string[][] = [[]];
  for (let count = 0; reader.remaining > 0; count++) {
    if (count >= limits.devicePathNodes)
      reader.fail(`more than ${limits.devicePathNodes} nodes`, `node[${count}]`);
    const field = `node[${count}]`;
    const type = reader.u8(`${field}.type`) & 0x7f;
    const subtype = reader.u8(`${field}.subtype`);
    const length = reader.u16le(`${field}.length`);
    if (length < 4) reader.fail(`a node of ${length} octets`, `${field}.length`);
    const body = reader.sub(length - 4, field);
    if (type === nodeType.end && subtype !== endOfInstance) break;
    if (type === nodeType.end) instances.push([]);
    else instances.at(-1)?.push(nodeText(type, subtype, body));
  }
  return instances.map((nodes) => nodes.join('/')).join(',');
}

const hex = (value: number | bigint) => `0x${value.toString(16)}`;

function nodeText(type: number, subtype: number, body: Reader): string {
  const known = nodes.get(type * 256 + subtype);
  return known === undefined ? `Path(${type},${subtype},${toHex(body.rest())})` : known(body);
}

/** HID of a PCI root bridge: "PNP0A03" as a compressed EISA identifier. */
const pciRoot = 0x0a03_41d0;
const pciExpressRoot = 0x0a08_41d0;

function acpiText(body: Reader): string {
  const hid = body.u32le('hid');
  const uid = body.u32le('uid');
  if (hid === pciRoot) return `PciRoot(${hex(uid)})`;
  if (hid === pciExpressRoot) return `PcieRoot(${hex(uid)})`;
  const number = (hid >>> 16).toString(16).toUpperCase().padStart(4, '0');
  return (hid & 0xffff) === 0x41d0 ? `Acpi(PNP${number},${hex(uid)})` : `Acpi(${hex(hid)},${hex(uid)})`;
}

function hardDriveText(body: Reader): string {
  const partition = body.u32le('partition');
  const start = body.u64le('start');
  const size = body.u64le('size');
  const signature = body.bytes(16, 'signature');
  const format = body.u8('format');
  const kind = body.u8('signatureType');
  if (kind !== 2)
    return `HD(${partition},${format === 1 ? 'MBR' : hex(format)},0x${toHex(signature.slice(0, 4).reverse())},${hex(start)},${hex(size)})`;
  return `HD(${partition},GPT,${readGuid(new Reader(signature), 'signature')},${hex(start)},${hex(size)})`;
}

const octets = (body: Reader, length: number) => Array.from(body.bytes(length, 'address'));

/** By type and subtype, each as UEFI 2.10 §10.6.1.6 (table of text forms) writes it. */
const nodes: ReadonlyMap<number, (body: Reader) => string> = new Map([
  [
    nodeType.hardware * 256 + 1,
    (body: Reader) => {
      const pciFunction = body.u8('function');
      return `Pci(${hex(body.u8('device'))},${hex(pciFunction)})`;
    },
  ],
  [
    nodeType.hardware * 256 + 3,
    (body: Reader) =>
      `MemoryMapped(${hex(body.u32le('memoryType'))},${hex(body.u64le('start'))},${hex(body.u64le('end'))})`,
  ],
  [nodeType.hardware * 256 + 4, (body: Reader) => `VenHw(${readGuid(body, 'guid')})`],
  [nodeType.acpi * 256 + 1, acpiText],
  [
    nodeType.messaging * 256 + 1,
    (body: Reader) => `Ata(${body.u8('controller')},${body.u8('drive')},${body.u16le('lun')})`,
  ],
  [
    nodeType.messaging * 256 + 2,
    (body: Reader) => `Scsi(${hex(body.u16le('target'))},${hex(body.u16le('lun'))})`,
  ],
  [
    nodeType.messaging * 256 + 5,
    (body: Reader) => `USB(${hex(body.u8('port'))},${hex(body.u8('interface'))})`,
  ],
  [nodeType.messaging * 256 + 10, (body: Reader) => `VenMsg(${readGuid(body, 'guid')})`],
  [nodeType.messaging * 256 + 11, (body: Reader) => `MAC(${toHex(body.bytes(6, 'address'))})`],
  [
    nodeType.messaging * 256 + 12,
    (body: Reader) => {
      body.bytes(4, 'local');
      return `IPv4(${octets(body, 4).join('.')})`;
    },
  ],
  [
    nodeType.messaging * 256 + 13,
    (body: Reader) => {
      body.bytes(16, 'local');
      return `IPv6(${toHex(body.bytes(16, 'remote'))})`;
    },
  ],
  [
    nodeType.messaging * 256 + 18,
    (body: Reader) =>
      `Sata(${hex(body.u16le('port'))},${hex(body.u16le('multiplier'))},${hex(body.u16le('lun'))})`,
  ],
  [
    nodeType.messaging * 256 + 23,
    (body: Reader) => {
      const namespace = body.u32le('namespace');
      const identifier = octets(body, 8)
        .reverse()
        .map((octet) => octet.toString(16).padStart(2, '0').toUpperCase());
      return `NVMe(${hex(namespace)},${identifier.join('-')})`;
    },
  ],
  [nodeType.messaging * 256 + 24, (body: Reader) => `Uri(${readableText(latin1Text(body.rest()))})`],
  [nodeType.messaging * 256 + 26, (body: Reader) => `SD(${hex(body.u8('slot'))})`],
  [nodeType.messaging * 256 + 29, (body: Reader) => `eMMC(${hex(body.u8('slot'))})`],
  [nodeType.media * 256 + 1, hardDriveText],
  [nodeType.media * 256 + 2, (body: Reader) => `CDROM(${hex(body.u32le('entry'))})`],
  [nodeType.media * 256 + 3, (body: Reader) => `VenMedia(${readGuid(body, 'guid')})`],
  [nodeType.media * 256 + 4, (body: Reader) => readableText(utf16Text(body.rest()))],
  [nodeType.media * 256 + 6, (body: Reader) => `FvFile(${readGuid(body, 'guid')})`],
  [nodeType.media * 256 + 7, (body: Reader) => `Fv(${readGuid(body, 'guid')})`],
  [
    nodeType.media * 256 + 8,
    (body: Reader) => {
      body.u32le('reserved');
      return `Offset(${hex(body.u64le('start'))},${hex(body.u64le('end'))})`;
    },
  ],
  [
    nodeType.bios * 256 + 1,
    (body: Reader) => {
      const kind = body.u16le('deviceType');
      body.u16le('status');
      return `BBS(${hex(kind)},${readableText(latin1Text(body.rest()).replace(/\0.*$/s, ''))})`;
    },
  ],
]);
