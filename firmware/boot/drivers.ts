import type { Status } from '../webui/api/status-schema.ts';
import type { BoardProfile } from './board-profile.ts';
import { describeDevice, isBridge } from './device-names.ts';
import { limits } from './limits.ts';

/** One entry of /sys/bus/BUS/devices. */
export type SystemDevice = {
  readonly bus: string;
  /** The kernel's name of it on that bus, such as `0000:00:02.0`. */
  readonly name: string;
  readonly modalias: string | null;
  readonly driver: string | null;
  /** The module that the driver is in; null where none is bound or it is built into the kernel. */
  readonly module: string | null;
};

/** What this room needs to load drivers. firmware/system/sysfs-devices.ts implements it. */
export interface DriverSystem {
  listDevices(): readonly SystemDevice[];
  /** Names of /proc/modules. */
  loadedModules(): ReadonlySet<string>;
  /**
   * Loads modules by name or alias in the order given, with all that they depend on, in one call of the program. One
   * that is not there or does not fit the machine does not stop the others.
   */
  modprobe(names: readonly string[]): Promise<{ readonly status: number; readonly stderr: string }>;
}

export type DriverReport = {
  /** What is on the buses, with the driver that each device got, now or before: as the status shows it. */
  readonly devices: Status['devices'];
  /** Modules that were not loaded before. */
  readonly loaded: readonly string[];
  /** What modprobe complained of, if it could not do its work at all. */
  readonly failure: string | null;
};

/**
 * Loaded whatever the buses show: somebody may plug in a stick with settings later, and there is no udev to notice.
 */
const removableStorage = ['usb_storage', 'uas', 'sd_mod', 'sr_mod'];

/**
 * What the first security association of a tunnel waits for where nobody has loaded it: ESP and the cipher that gateways
 * agree on, whose self-tests take their time. Names of other processors' modules are not found, and nobody minds.
 */
const overlayModules = [
  ...['esp4', 'esp6', 'seqiv', 'ctr', 'gcm'],
  ...['aesni-intel', 'ghash-clmulni-intel', 'aes-ce-blk', 'ghash-ce'],
];

/** Buses whose devices a person would recognise; of the others only those are told that a module drives. */
const recognisable = new Set(['pci', 'usb', 'virtio', 'vmbus', 'xen', 'scsi', 'mmc', 'sdio', 'hid']);

/** Splits the names so that each call stays within what an argument vector holds. */
export function splitArguments(
  names: readonly string[],
  most: number = limits.modprobeArguments,
): string[][] {
  const calls: string[][] = [];
  let room = 0;
  for (const name of names) {
    if (name.length > most) continue;
    if (room < name.length + 1) {
      calls.push([]);
      room = most;
    }
    calls.at(-1)?.push(name);
    room -= name.length + 1;
  }
  return calls;
}

/** Devices as the status shows them, bridges, hubs and the kernel's own left out. */
export function reportDevices(devices: readonly SystemDevice[]): Status['devices'] {
  return devices
    .filter((device) => device.modalias !== null && (device.module !== null || recognisable.has(device.bus)))
    .filter((device) => !isBridge(device) && device.driver !== 'hub')
    .slice(0, limits.reportedDevices)
    .map((device) => ({
      device: `${device.bus} ${device.name}`,
      description: describeDevice(device),
      driver: device.driver,
      modules: device.module === null ? [] : [device.module],
    }));
}

/** Loads what tunnels will need of the kernel. Never rejects: the kernel itself loads what is missing then. */
export async function loadOverlayModules(system: Pick<DriverSystem, 'modprobe'>): Promise<void> {
  await system.modprobe(overlayModules);
}

/**
 * Loads drivers for what the machine has: the profile's hints, then everything that the buses show and nobody drives,
 * all in one call of modprobe, then again for the devices which that brought, until there are no new ones. What the
 * initial RAM disk has bound already is reported too. Never rejects: a machine without a driver for something goes on.
 */
export async function loadDrivers(
  system: DriverSystem,
  profile: Pick<BoardProfile, 'drivers' | 'watchdog'>,
): Promise<DriverReport> {
  const before = system.loadedModules();
  const hints = [
    ...profile.drivers,
    ...(profile.watchdog ? [profile.watchdog.module] : []),
    ...removableStorage,
  ];
  const tried = new Set<string>(before);
  let failure: string | null = null;
  let devices = system.listDevices();
  let known = before.size;
  for (let pass = 0; pass < limits.driverPasses; pass++) {
    const wanted = pass === 0 ? hints : [];
    for (const { driver, modalias } of devices) if (driver === null && modalias) wanted.push(modalias);
    const names = [...new Set(wanted)].filter((name) => !tried.has(name));
    if (names.length === 0) break;
    for (const name of names) tried.add(name);
    for (const call of splitArguments(names)) {
      const { status, stderr } = await system.modprobe(call);
      // Status 1 says that some had no module, which is usual; 124 and above that the program did not run to its end.
      if (status > 1) failure = stderr.trim() || `modprobe ended with status ${status}`;
    }
    const { size } = system.loadedModules();
    // Looking at every device is the dear part, and without a new module nothing has changed.
    if (size === known) break;
    known = size;
    devices = system.listDevices();
  }
  return {
    devices: reportDevices(devices),
    loaded: [...system.loadedModules()].filter((name) => !before.has(name)),
    failure,
  };
}
