import type { HipCrypto } from '../../hip/crypto-port.ts';
import type { HostIdentity } from '../../hip/host-identity.ts';
import type { Locator } from '../../hip/locator.ts';
import type { CommandRunner, LogLevel } from '../system-port.ts';
import type { KernelEvent } from './kernel-events.ts';

/** The host identity: its public key, and signatures made wherever the private key lives. */
export type HostIdentitySigner = {
  readonly identity: HostIdentity;
  /** ECDSA over the message's SHA-384 as r ‖ s. Rejects where the key cannot sign now. */
  sign(message: Uint8Array): Promise<Uint8Array>;
};

/** HIP packets over UDP (RFC 9028) and, where the locator has no port, over IP itself; ESP is the kernel's. */
export type OverlaySocket = {
  /** Frames a packet whose checksum is zero as its locator wants it, sends and forgets; what the network refuses at once is told to `onSendFailure`. */
  send(packet: Uint8Array, to: Locator): void;
  /** Hears what is framed as HIP and has a good checksum, its checksum field as it came. */
  onPacket(listener: (packet: Uint8Array, from: Locator) => void): void;
  onSendFailure(listener: (to: Locator, reason: string) => void): void;
  /** Opens or closes IP protocol 139 beside UDP, for locators without a port. Rejects where the system refuses. */
  useRaw(wanted: boolean): Promise<void>;
  /** Datagrams that were dropped before anybody heard them. */
  dropped(): { readonly notHip: number; readonly badChecksum: number };
  close(): Promise<void>;
};

export type OverlayTimer = { readonly close: () => void };

/** What the overlay needs of the operating system. */
export type OverlayPorts = {
  readonly socket: OverlaySocket;
  readonly crypto: HipCrypto;
  readonly signer: HostIdentitySigner;
  readonly run: CommandRunner;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic: () => number;
  /** The time of day in milliseconds since 1970, for people and for the first R1 generation counter. */
  readonly wallClock: () => number;
  readonly setTimer: (milliseconds: number, callback: () => void) => OverlayTimer;
  /** The addresses of a name, or none when it cannot be resolved now. An address resolves to itself. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  /** The address that packets to a locator leave with, or null without a route. Sends nothing. */
  readonly sourceAddress: (to: Locator) => Promise<string | null>;
  /** Hears the kernel's security associations from now on. Rejects where the kernel has none. */
  readonly watchKernel: (listener: (event: KernelEvent) => void) => Promise<OverlayTimer>;
  /** The MTU in octets of the link that has an address of ours, or null where none has it. */
  readonly linkMtu: (address: string) => number | null;
  /** All of the box's addresses, to see that they changed. */
  readonly localAddresses: () => readonly string[];
  readonly log: (level: LogLevel, message: string) => void;
  /** A file of secrets for a protocol analyser, made when it is first written to; both throw the system's error. */
  readonly keyLog?: { append(text: string): void; remove(): void };
};
