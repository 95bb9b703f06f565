import type { SimPinFile } from './modem/sim-pins.ts';
import type { Nic } from './ports.ts';

export type CommandResult = { readonly status: number; readonly stdout: string; readonly stderr: string };
export type CommandRunner = (
  command: string,
  args: readonly string[],
  options?: { readonly input?: string; readonly timeoutMs?: number; readonly maxOutput?: number },
) => Promise<CommandResult>;

/** A program that must run as long as this does. It is started again, with back-off, whenever it ends. */
export type SupervisedProgram = {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Called with every line of its standard output. */
  readonly onLine?: (line: string) => void;
};
export type RunningProgram = {
  readonly signal: (name: 'SIGUSR1' | 'SIGUSR2' | 'SIGHUP') => void;
  /** Ends the program; resolves when it is gone. */
  readonly close: () => Promise<void>;
};

/** A serial device that is open. */
export type SerialLine = { readonly write: (text: string) => void; readonly close: () => Promise<void> };

/** NTP's port on one link. */
export type TimeSocket = {
  readonly send: (octets: Uint8Array, to: { readonly address: string; readonly port: number }) => void;
  /** False once the link is gone, also where there is another of its name. */
  readonly isBound: () => boolean;
  readonly close: () => void;
};

/** A datagram that came back, and when it left and came by the clock that never goes back, in milliseconds. */
export type DatagramExchange = {
  readonly octets: Uint8Array;
  readonly sentAt: number;
  readonly receivedAt: number;
};

export type LogLevel = 'debug' | 'info' | 'warning' | 'error';

/** What the network room needs of the operating system; firmware/system/network-system.ts implements it. */
export type NetworkSystem = {
  readonly run: CommandRunner;
  /** Whether a name server answers a question that leaves by a link, whatever the routes say. Never rejects. */
  readonly nameServerAnswers: (link: string, server: string, timeoutMs: number) => Promise<boolean>;
  readonly supervise: (program: SupervisedProgram) => RunningProgram;
  readonly listNics: () => readonly Nic[];
  /** CPUs that may take packets. */
  readonly cpus: number;
  /** A file of /proc/sys or /sys without its last newline, or null where it is missing or not readable. */
  readonly readKernelValue: (path: string) => string | null;
  /** Writes such a file in place. Returns what went wrong, or null. */
  readonly writeKernelValue: (path: string, value: string) => string | null;
  readonly listFolder: (path: string) => readonly string[];
  /** A small text file, or null where it is missing. */
  readonly readText: (path: string) => string | null;
  /** Replaces a file as a whole, making its folder: readers see the old text or the new. Returns what went wrong, or null. */
  readonly replaceText: (path: string, text: string) => string | null;
  readonly removeFile: (path: string) => void;
  /** Calls back when a file in the folder, which is made, appears or changes. */
  readonly watchFolder: (path: string, onChange: () => void) => { readonly close: () => void };
  /** A folder for what does not outlive a boot: /run/hithe. */
  readonly runFolder: string;
  /** The script that udhcpc calls: /usr/share/hithe/udhcpc-event. */
  readonly dhcpEventScript: string;
  /** The script that dhcpcd calls: /usr/share/hithe/dhcpcd-event. */
  readonly dhcpv6EventScript: string;
  /** Opens a serial device below /dev; null where that cannot be had now. `onClose`: it has gone. Never rejects. */
  readonly openSerialLine: (
    device: string,
    listener: { readonly onText: (text: string) => void; readonly onClose: () => void },
  ) => Promise<SerialLine | null>;
  /** Which PINs modems were told. */
  readonly simPins: SimPinFile;
  /** Sends a datagram to a host by address or name, and returns the first that comes back. Never rejects. */
  readonly askByUdp: (
    host: string,
    port: number,
    question: Uint8Array,
    timeoutMs: number,
  ) => Promise<DatagramExchange | null>;
  /** Hears questions for the time on a link and nowhere else; rejects where there is no such link. */
  readonly openTimeSocket: (
    link: string,
    onQuestion: (question: Uint8Array, from: { readonly address: string; readonly port: number }) => void,
  ) => Promise<TimeSocket>;
  readonly random: (octets: number) => Uint8Array;
  /** The time of day in milliseconds since 1970. */
  readonly wallClock: () => number;
  /** Corrects it, at once or slowly. Returns what went wrong, or null. */
  readonly correctClock: (how: 'step' | 'slew', milliseconds: number) => Promise<string | null>;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic: () => number;
  readonly setTimer: (milliseconds: number, callback: () => void) => { readonly close: () => void };
  readonly log: (level: LogLevel, message: string) => void;
};

/** The image's programs. By path: busybox's shell and its applets of the same names must not come first. */
export const programs = {
  ip: '/sbin/ip',
  nft: '/usr/sbin/nft',
  conntrack: '/usr/sbin/conntrack',
  busybox: '/bin/busybox',
  dnsmasq: '/usr/sbin/dnsmasq',
  dhcpcd: '/usr/sbin/dhcpcd',
} as const;
