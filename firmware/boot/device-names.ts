import { cleanText } from './platform/facts.ts';

/** PCI base class and subclass (PCI Code and ID Assignment Specification, 1). */
const pciClasses: Readonly<Record<string, string>> = {
  '0100': 'SCSI controller',
  '0101': 'IDE controller',
  '0104': 'RAID controller',
  '0106': 'SATA controller',
  '0107': 'SAS controller',
  '0108': 'NVMe controller',
  '0180': 'storage controller',
  '0200': 'Ethernet controller',
  '0280': 'network controller',
  '0300': 'display controller',
  '0380': 'display controller',
  '0403': 'audio device',
  '0500': 'memory controller',
  '0700': 'serial controller',
  '0780': 'communication controller',
  '0805': 'SD host controller',
  '0c03': 'USB controller',
  '0c05': 'SMBus controller',
  '0c80': 'serial bus controller',
  '1000': 'cryptographic device',
  '1080': 'cryptographic device',
};
const pciBaseClasses: Readonly<Record<string, string>> = {
  '01': 'storage controller',
  '02': 'network controller',
  '03': 'display controller',
  '04': 'multimedia controller',
  '06': 'bridge',
  '07': 'communication controller',
  '08': 'system device',
  '0c': 'serial bus controller',
  '0d': 'wireless controller',
};

/** Virtual I/O Device Specification 1.2, 5 (device types). */
const virtioTypes: Readonly<Record<number, string>> = {
  1: 'network device',
  2: 'block device',
  3: 'console',
  4: 'entropy source',
  5: 'memory balloon',
  8: 'SCSI host',
  9: 'file system (9P)',
  16: 'GPU',
  18: 'input device',
  19: 'socket device',
  26: 'file system',
};

/** USB class codes of interfaces (USB-IF, Defined Class Codes). */
const usbClasses: Readonly<Record<string, string>> = {
  '01': 'audio',
  '02': 'communication',
  '03': 'human interface device',
  '07': 'printer',
  '08': 'mass storage',
  '09': 'hub',
  '0A': 'communication data',
  '0B': 'smart card reader',
  '0E': 'video',
  E0: 'wireless controller',
  FF: 'vendor-specific',
};

/** SCSI peripheral device types (SPC-4, table 138). */
const scsiTypes: Readonly<Record<string, string>> = {
  '0x00': 'disk',
  '0x05': 'CD or DVD drive',
  '0x0d': 'enclosure',
};

/** Device classes of Hyper-V's bus, by the head of their GUID. */
const vmbusTypes: Readonly<Record<string, string>> = {
  f8615163: 'network device',
  ba6163d9: 'SCSI host',
  '32412632': 'IDE host',
};

type Named = { readonly bus: string; readonly modalias: string | null };

function parsePci(modalias: string): { vendor: string; device: string; classCode: string } | null {
  const found = /^pci:v0000([0-9A-F]{4})d0000([0-9A-F]{4})sv.*bc([0-9A-F]{2})sc([0-9A-F]{2})i/.exec(modalias);
  if (!found) return null;
  const [, vendor = '', device = '', base = '', sub = ''] = found;
  return {
    vendor: vendor.toLowerCase(),
    device: device.toLowerCase(),
    classCode: `${base}${sub}`.toLowerCase(),
  };
}

/** Host, ISA and PCI bridges: part of every machine and of no interest to anybody. */
export function isBridge({ bus, modalias }: Named): boolean {
  return bus === 'pci' && parsePci(modalias ?? '')?.classCode.startsWith('06') === true;
}

/** What a device is, in words, as far as its modalias tells; the modalias itself where it says no more. */
export function describeDevice({ bus, modalias }: Named): string {
  if (!modalias) return bus;
  const pci = parsePci(modalias);
  if (pci) {
    const name = pciClasses[pci.classCode] ?? pciBaseClasses[pci.classCode.slice(0, 2)] ?? 'PCI device';
    return `${name} ${pci.vendor}:${pci.device}`;
  }
  const virtio = /^virtio:d([0-9A-F]{8})v/.exec(modalias)?.[1];
  if (virtio)
    return `virtio ${virtioTypes[Number.parseInt(virtio, 16)] ?? `device ${Number.parseInt(virtio, 16)}`}`;
  const usb = /^usb:v([0-9A-F]{4})p([0-9A-F]{4})d.*ic([0-9A-F]{2})isc/.exec(modalias);
  if (usb) {
    const [, vendor = '', product = '', interfaceClass = ''] = usb;
    const name = usbClasses[interfaceClass] ?? `class ${interfaceClass}`;
    return `USB ${name} ${vendor.toLowerCase()}:${product.toLowerCase()}`;
  }
  const scsi = /^scsi:t-(0x[0-9a-f]{2})$/.exec(modalias)?.[1];
  if (scsi) return `SCSI ${scsiTypes[scsi] ?? `device type ${scsi}`}`;
  const vmbus = /^vmbus:([0-9a-f]{8})[0-9a-f]{24}$/.exec(modalias)?.[1];
  if (vmbus) return `Hyper-V ${vmbusTypes[vmbus] ?? 'device'}`;
  const hid = /^hid:b[0-9A-F]{4}g[0-9A-F]{4}v0000([0-9A-F]{4})p0000([0-9A-F]{4})$/.exec(modalias);
  if (hid) return `human interface device ${hid[1]?.toLowerCase()}:${hid[2]?.toLowerCase()}`;
  if (modalias.startsWith('xen:'))
    return `Xen ${cleanText(new TextEncoder().encode(modalias.slice(4)))} device`;
  return cleanText(new TextEncoder().encode(modalias.replace(/\n/g, ' ')));
}
