import { limits } from './limits.ts';

/**
 * Boot counting by systemd's Automatic Boot Assessment: an entry on the ESP named `NAME+LEFT-DONE.efi` has LEFT tries;
 * the loader moves one from LEFT to DONE before each, takes others first when none is left, and whoever finds the
 * system healthy takes the counters out of the name.
 * @see https://systemd.io/AUTOMATIC_BOOT_ASSESSMENT/
 */
export type CountedEntry = {
  /** The name without counters: what a good entry is called. */
  readonly goodName: string;
  readonly triesLeft: number;
  readonly triesDone: number;
};

/** Counters are decimal; the `-DONE` part is missing before the first try. */
const counted = /^(.+)\+(\d{1,9})(?:-(\d{1,9}))?(\.efi|\.conf)$/i;

/** Reads the counters out of a file name; null where it has none, which is what good entries look like. */
export function parseCountedName(fileName: string): CountedEntry | null {
  const found = counted.exec(fileName);
  if (!found) return null;
  const [, stem = '', left = '', done = '0', extension = ''] = found;
  return { goodName: stem + extension, triesLeft: Number(left), triesDone: Number(done) };
}

/** The vendor GUID of the boot loader interface's variables (systemd.io/BOOT_LOADER_INTERFACE). */
export const loaderGuid = '4a67b082-0a4c-41cf-b6c7-440b29bb8c4f';

const utf16 = new TextDecoder('utf-16le', { fatal: true });

/**
 * A string variable as efivarfs serves it: four octets of attributes (Documentation/filesystems/efivarfs.rst), then
 * UTF-16 with an ending NUL.
 *
 * @returns the string, or null where these are not the octets of one
 */
export function parseEfiString(octets: Uint8Array): string | null {
  if (octets.length < 4 || octets.length > limits.efiVariableOctets || octets.length % 2 !== 0) return null;
  try {
    const text = utf16.decode(octets.subarray(4));
    const end = text.indexOf('\0');
    return end < 0 ? text : text.slice(0, end);
  } catch {
    return null;
  }
}

/**
 * Splits the path of an entry on the ESP, `\EFI\Linux\hithe_0.1.0+2-1.efi`, into its folder and file name.
 *
 * @returns null where it could lead anywhere but to a file below the ESP
 */
export function parseEntryPath(path: string): { readonly folder: string; readonly fileName: string } | null {
  const parts = path.split(/[\\/]/).filter((part) => part !== '');
  const fileName = parts.pop();
  const plain = [...parts, fileName ?? ''].every((part) => /^[\w+.,~ -]+$/.test(part) && !/^\.+$/.test(part));
  return fileName !== undefined && plain ? { folder: parts.join('/'), fileName } : null;
}

/** The mounted ESP, for as long as `withEsp` lasts. Paths are relative to its root. */
export interface EspFiles {
  exists(path: string): boolean;
  /** Renames, and comes back when the change is on the disk. Rejects if it could not be done. */
  rename(from: string, to: string): Promise<void>;
}

/** What this room needs to mark a slot. firmware/system/esp.ts implements it. */
export interface SlotSystem {
  /** The octets of a variable of the loader's GUID, attributes first; null where it is not there. */
  readLoaderVariable(name: string): Uint8Array | null;
  /** True where the kernel was started by EFI firmware. */
  startedByEfi(): boolean;
  /** Text of /proc/cmdline. */
  kernelCommandLine(): string;
  /** What the initial RAM disk wrote to /run/hithe/root-partition: the device that root was opened from. */
  rootPartition(): string | null;
  /** A partition's name in the GPT, by its kernel name. */
  partitionLabel(device: string): string | null;
  /** Mounts the ESP that this machine was started from, writable, and unmounts it when `work` is done. */
  withEsp<T>(work: (files: EspFiles) => Promise<T>): Promise<T>;
}

export type SlotState = {
  /** `root-a` or `root-b`; null where the machine was not started from a slot. */
  readonly slot: string | null;
  /** The verity root hash on the measured command line, 64 hexadecimal digits. */
  readonly rootHash: string | null;
  /** The counters of the entry that was started, as the loader left them; null where it is not counted. */
  readonly boot: CountedEntry | null;
  readonly loader: string | null;
  readonly stub: string | null;
};

function readString(system: SlotSystem, name: string): string | null {
  const octets = system.readLoaderVariable(name);
  return octets === null ? null : parseEfiString(octets);
}

/** Which slot runs and how its tries stand. Never throws. */
export function readSlotState(system: SlotSystem): SlotState {
  const device =
    system
      .rootPartition()
      ?.trim()
      .replace(/^\/dev\//, '') ?? '';
  const label = /^[\w-]+$/.test(device) ? system.partitionLabel(device) : null;
  const rootHash = /(?:^|\s)roothash=([0-9a-f]{64})(?:\s|$)/.exec(system.kernelCommandLine())?.[1] ?? null;
  const path = readString(system, 'LoaderBootCountPath');
  const entry = path === null ? null : parseEntryPath(path);
  return {
    slot: label === 'root-a' || label === 'root-b' ? label : null,
    rootHash,
    boot: entry === null ? null : parseCountedName(entry.fileName),
    loader: readString(system, 'LoaderInfo'),
    stub: readString(system, 'StubInfo'),
  };
}

export type MarkResult =
  | { readonly state: 'marked'; readonly entry: string }
  | { readonly state: 'already-good'; readonly detail: string }
  | { readonly state: 'not-counted'; readonly detail: string }
  | { readonly state: 'failed'; readonly reason: string };

/**
 * Takes the counters out of the running entry's name: this slot is good and stays the one that is started. To be called
 * once health is proven; calling it again changes nothing. Never rejects.
 */
export async function markGood(system: SlotSystem): Promise<MarkResult> {
  if (!system.startedByEfi())
    return { state: 'not-counted', detail: 'not started by EFI firmware: there is no boot counting' };
  const path = readString(system, 'LoaderBootCountPath');
  if (path === null) return { state: 'already-good', detail: 'the loader counted no try of this entry' };
  const place = parseEntryPath(path);
  const entry = place === null ? null : parseCountedName(place.fileName);
  if (place === null || entry === null)
    return { state: 'failed', reason: `the loader names an entry that is none: ${path}` };
  const inFolder = (fileName: string) => (place.folder ? `${place.folder}/${fileName}` : fileName);
  const good = inFolder(entry.goodName);
  try {
    return await system.withEsp(async (files): Promise<MarkResult> => {
      const counted = inFolder(place.fileName);
      if (files.exists(counted)) {
        await files.rename(counted, good);
        return { state: 'marked', entry: entry.goodName };
      }
      if (files.exists(good))
        return { state: 'already-good', detail: `${entry.goodName} has no counters any more` };
      return { state: 'failed', reason: `the ESP has neither ${counted} nor ${good}` };
    });
  } catch (error) {
    return { state: 'failed', reason: error instanceof Error ? error.message : String(error) };
  }
}
