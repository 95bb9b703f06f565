import type { Accelerator } from './accelerator.ts';
import type { NetworkEnd } from './network.ts';
import { type SmbiosIdentity, smbiosArguments } from './smbios.ts';

export type NetworkCard = {
  readonly model: 'virtio-net-pci' | 'e1000e' | 'igb' | 'vmxnet3' | 'rtl8139';
  readonly mac: string;
  readonly network: NetworkEnd;
  /** Where every frame that passes the card is written, in pcap format. */
  readonly capture?: string;
};

export type DiskBus = 'virtio' | 'ahci' | 'nvme';

/** What the machine finds beside its disk: a folder as a FAT volume, or an image in a drive for optical discs. */
export type Disc = { readonly folder: string; readonly label: string } | { readonly image: string };

/** How the machine starts: the whole UEFI chain from its disk, or a kernel given by hand. */
export type BootWay =
  | 'uefi'
  | { readonly kernel: string; readonly initrd: string; readonly commandLine: string };

/** What a person decides about a machine. */
export type Hardware = {
  readonly boot: BootWay;
  readonly memoryMiB: number;
  readonly cpus: number;
  /** Hides the hypervisor flag of CPUID, as on a physical box. */
  readonly looksPhysical?: boolean;
  readonly diskBus?: DiskBus;
  readonly discs?: readonly Disc[];
  readonly networkCards: readonly NetworkCard[];
  readonly smbios?: SmbiosIdentity;
  /** An i6300ESB that resets the machine when nobody feeds it. */
  readonly watchdog?: boolean;
  /** A graphics card, whose picture the monitor's screendump takes. */
  readonly screen?: boolean;
  /**
   * Emulated, with a clock that goes by what the processor does, two nanoseconds an instruction: figures of what work costs
   * are the same whatever else this machine is at.
   */
  readonly countsInstructions?: boolean;
  /** UEFI that enforces Secure Boot once it has keys, and takes the loader's on the first boot. */
  readonly secureBoot?: boolean;
};

/** What the harness made for it on the host. */
export type HostParts = {
  readonly accelerator: Accelerator;
  /** UEFI's code and this machine's variables; null where a kernel is given by hand. */
  readonly firmware: { readonly code: string; readonly variables: string } | null;
  readonly disk: string | null;
  readonly tpmSocket: string | null;
};

const diskDevices: Record<DiskBus, string> = {
  virtio: 'virtio-blk-pci,drive=disk',
  // q35 has this controller on the board.
  ahci: 'ide-hd,drive=disk,bus=ide.0',
  nvme: 'nvme,drive=disk,serial=hithe-disk',
};

function bootArguments(boot: BootWay, { firmware }: HostParts): string[] {
  return [
    ...(boot === 'uefi' ? [] : ['-kernel', boot.kernel, '-initrd', boot.initrd, '-append', boot.commandLine]),
    ...(firmware === null
      ? []
      : [
          ...['-drive', `if=pflash,unit=0,format=raw,readonly=on,file=${firmware.code}`],
          ...['-drive', `if=pflash,unit=1,format=qcow2,file=${firmware.variables}`],
        ]),
  ];
}

function discArguments(disc: Disc, index: number): string[] {
  const name = `disc${index}`;
  const node =
    'image' in disc
      ? { driver: 'file', filename: disc.image }
      : { ...{ driver: 'vvfat', dir: disc.folder, label: disc.label }, ...{ 'fat-type': 16, floppy: false } };
  return [
    ...['-blockdev', JSON.stringify({ ...node, 'node-name': name, 'read-only': true })],
    // q35 has a controller with six ports on the board; the first may have the disk.
    ...[
      '-device',
      'image' in disc ? `ide-cd,drive=${name},bus=ide.${index + 1}` : `virtio-blk-pci,drive=${name}`,
    ],
  ];
}

function networkArguments(card: NetworkCard, index: number): string[] {
  const id = `net${index}`;
  return [
    ...['-netdev', card.network.netdev(id)],
    // Without its option ROM a card offers no network boot, which would cost a start that has nothing to boot seconds.
    ...['-device', `${card.model},netdev=${id},mac=${card.mac},romfile=`],
    ...(card.capture === undefined
      ? []
      : ['-object', `filter-dump,id=dump${index},netdev=${id},file=${card.capture}`]),
  ];
}

function processor({ looksPhysical }: Hardware, { accelerator }: HostParts): string {
  return [
    'max',
    ...(looksPhysical ? ['-hypervisor'] : []),
    // String instructions that are fast where they are hardware are emulated octet by octet: a page is cleared by one.
    ...(accelerator === 'kvm' ? [] : ['-erms', '-fsrm']),
  ].join(',');
}

function acceleration({ countsInstructions }: Hardware, { accelerator }: HostParts): string[] {
  if (accelerator === 'kvm') return ['-accel', 'kvm'];
  return countsInstructions
    ? ['-accel', 'tcg,thread=single', '-icount', 'shift=1']
    : ['-accel', 'tcg,thread=multi'];
}

/**
 * QEMU's command line, by options that versions 6.2 to 10 share. The monitor is expected on descriptor 3 and the serial
 * line on descriptor 4: sockets that the parent made, so that neither has a path and nothing of the output is lost.
 */
export function machineArguments(hardware: Hardware, parts: HostParts): string[] {
  return [
    ...[
      '-nodefaults',
      '-no-user-config',
      '-display',
      'none',
      '-machine',
      hardware.secureBoot ? 'q35,smm=on' : 'q35',
    ],
    // Only system management mode may write the variables.
    ...(hardware.secureBoot ? ['-global', 'driver=cfi.pflash01,property=secure,value=on'] : []),
    ...acceleration(hardware, parts),
    ...['-cpu', processor(hardware, parts), '-smp', `${hardware.cpus}`, '-m', `${hardware.memoryMiB}`],
    ...bootArguments(hardware.boot, parts),
    ...['-chardev', 'socket,id=monitor,fd=3', '-mon', 'chardev=monitor,mode=control'],
    ...['-chardev', 'socket,id=serial,fd=4', '-serial', 'chardev:serial'],
    ...(parts.tpmSocket === null
      ? []
      : [
          ...['-chardev', `socket,id=tpm-control,path=${parts.tpmSocket}`],
          ...['-tpmdev', 'emulator,id=tpm0,chardev=tpm-control', '-device', 'tpm-tis,tpmdev=tpm0'],
        ]),
    ...(parts.disk === null
      ? []
      : [
          // The disk is thrown away with the machine: nobody needs its writes to reach the host's disk.
          ...[
            '-blockdev',
            `driver=qcow2,node-name=disk,file.driver=file,file.filename=${parts.disk},file.cache.no-flush=on`,
          ],
          // A kernel given by hand has the first place in the boot order already.
          ...[
            '-device',
            `${diskDevices[hardware.diskBus ?? 'virtio']}${hardware.boot === 'uefi' ? ',bootindex=0' : ''}`,
          ],
        ]),
    ...(hardware.discs ?? []).flatMap(discArguments),
    ...hardware.networkCards.flatMap(networkArguments),
    ...['-device', 'qemu-xhci,id=usb'],
    ...(hardware.screen ? ['-device', 'VGA'] : []),
    ...smbiosArguments(hardware.smbios ?? {}),
    ...(hardware.watchdog ? ['-device', 'i6300esb', '-action', 'watchdog=reset'] : []),
  ];
}
