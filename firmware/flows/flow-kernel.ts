import type { Connection } from './conntrack-messages.ts';
import type { LoggedPacket } from './denied-packets.ts';

/** Who is told what the kernel says of flows. */
export type FlowListener = {
  readonly ended: (connection: Connection) => void;
  readonly logged: (packet: LoggedPacket) => void;
};

/** What the kernel had to say and nobody read in time; denied packets also where they came faster than it says them. */
export type KernelLosses = { readonly connections: number; readonly packets: number };

/** The kernel as recording sees it. */
export interface FlowKernel {
  /**
   * Hands on what the kernel has told since, for at most so many milliseconds: what is left waits, and where that is too
   * much the kernel drops it, since traffic must not wait for its records.
   */
  read(milliseconds: number, listener: FlowListener): void;
  /** Every connection that lives, a few at a time, with pauses in which other work is done. Rejects where it cannot be told. */
  dump(visit: (connection: Connection) => void): Promise<void>;
  lost(): KernelLosses;
  close(): void;
}
