import { limits } from '../limits.ts';

/**
 * A read-only view of a tree of files: the running machine's `/`, or a recorded tree. A file that is missing, not a
 * regular file, unreadable or reached by a link that leads out of the tree is null.
 */
export interface FactFiles {
  read(path: string, maxOctets: number): Uint8Array | null;
  /** True if a file or folder is there. */
  has(path: string): boolean;
}

const dmiFields = [
  'bios_vendor',
  'bios_version',
  'sys_vendor',
  'product_name',
  'product_version',
  'product_serial',
  'product_uuid',
  'board_vendor',
  'board_name',
  'board_serial',
  'chassis_vendor',
  'chassis_asset_tag',
] as const;
/** File names under /sys/class/dmi/id (SMBIOS types 0, 1, 2 and 3). */
export type DmiField = (typeof dmiFields)[number];

export type Architecture = 'x86-64' | 'aarch64';

/** What is known of the machine before anything is decided. Strings are cleaned and bounded; empty ones are left out. */
export type PlatformFacts = {
  readonly dmi: Readonly<Partial<Record<DmiField, string>>>;
  readonly deviceTree: {
    /** From the most to the least specific (Devicetree Specification 2.3.1). */
    readonly compatible: readonly string[];
    readonly model: string | null;
    readonly serial: string | null;
    /** `compatible` of the /hypervisor node, as KVM and Xen guests have it. */
    readonly hypervisor: readonly string[];
  };
  readonly hypervisor: { readonly type: string | null; readonly uuid: string | null };
  readonly cpu: {
    readonly architecture: Architecture;
    /** CPUID.1:ECX[31], as /proc/cpuinfo shows it. The vendor leaf 0x40000000 itself needs a kernel module to read. */
    readonly hypervisorFlag: boolean;
  };
  /** The kernel names some after the hypervisor that it found in CPUID leaf 0x40000000: `kvm-clock`, `xen`, `hyperv_…`. */
  readonly clockSources: readonly string[];
  /** QEMU's fw_cfg device, seen by the kernel. */
  readonly firmwareConfiguration: boolean;
  readonly kernelArguments: readonly string[];
  /** Labels of the file systems that are there. */
  readonly volumeLabels: readonly string[];
};

const utf8 = new TextDecoder('utf-8', { fatal: false, ignoreBOM: false });

/**
 * Makes firmware's bytes fit to show, compare and log: control, format and surrogate characters (terminal escapes,
 * bidirectional overrides) become spaces, white space is folded, and the length is bounded.
 */
export function cleanText(octets: Uint8Array): string {
  const decoded = utf8.decode(octets).trim();
  // Nearly always so; compiling the Unicode classes takes a slow machine longer than all of detection.
  const text = /^[!-~]*(?: [!-~]+)*$/.test(decoded)
    ? decoded
    : decoded.replace(/[\p{C}\p{Z}\s]+/gu, ' ').trim();
  return [...text].slice(0, limits.factCharacters).join('').trim();
}

/** A device tree string list: strings that each end in NUL (Devicetree Specification 2.2.4, `<stringlist>`). */
export function parseStringList(octets: Uint8Array): string[] {
  const strings: string[] = [];
  let start = 0;
  while (start < octets.length && strings.length < limits.compatibleStrings) {
    const end = octets.indexOf(0, start);
    const text = cleanText(octets.subarray(start, end < 0 ? octets.length : end));
    if (text) strings.push(text);
    if (end < 0) break;
    start = end + 1;
  }
  return strings;
}

function parseCpu(cpuinfo: string, hasDeviceTree: boolean): PlatformFacts['cpu'] {
  const flags = /^flags\s*:(.*)$/m.exec(cpuinfo)?.[1];
  if (flags !== undefined || /^vendor_id\s*:/m.test(cpuinfo)) {
    return { architecture: 'x86-64', hypervisorFlag: /\bhypervisor\b/.test(flags ?? '') };
  }
  // A recorded tree may lack cpuinfo; x86 machines of this century have no device tree.
  const arm = /^CPU implementer\s*:/m.test(cpuinfo) || hasDeviceTree;
  return { architecture: arm ? 'aarch64' : 'x86-64', hypervisorFlag: false };
}

/**
 * Collects everything that detection looks at. About twenty small reads; never throws, whatever the files hold.
 *
 * @param volumeLabels labels of the volumes found, where somebody has looked for them
 */
export function gatherFacts(files: FactFiles, volumeLabels: readonly string[] = []): PlatformFacts {
  const octets = (path: string, max: number = limits.factOctets) =>
    files.read(path, max) ?? new Uint8Array(0);
  const text = (path: string) => cleanText(octets(path)) || null;

  const dmi: Partial<Record<DmiField, string>> = {};
  for (const field of dmiFields) {
    const value = text(`/sys/class/dmi/id/${field}`);
    if (value) dmi[field] = value;
  }

  const treeRoot = ['/proc/device-tree', '/sys/firmware/devicetree/base'].find((path) =>
    files.has(`${path}/compatible`),
  );
  const property = (name: string) => (treeRoot ? octets(`${treeRoot}/${name}`) : new Uint8Array(0));
  const cpuinfo = utf8.decode(octets('/proc/cpuinfo', limits.cpuinfoOctets));

  return {
    dmi,
    deviceTree: {
      compatible: parseStringList(property('compatible')),
      model: parseStringList(property('model'))[0] ?? null,
      serial: parseStringList(property('serial-number'))[0] ?? null,
      hypervisor: parseStringList(property('hypervisor/compatible')),
    },
    hypervisor: { type: text('/sys/hypervisor/type'), uuid: text('/sys/hypervisor/uuid') },
    cpu: parseCpu(cpuinfo, treeRoot !== undefined),
    clockSources:
      text('/sys/devices/system/clocksource/clocksource0/available_clocksource')?.split(' ').slice(0, 16) ??
      [],
    firmwareConfiguration: files.has('/sys/firmware/qemu_fw_cfg'),
    kernelArguments: utf8
      .decode(octets('/proc/cmdline'))
      .split(/\s+/)
      .filter((argument) => argument !== '')
      .slice(0, limits.kernelArguments),
    volumeLabels,
  };
}
