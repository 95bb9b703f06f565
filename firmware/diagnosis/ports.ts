import type { PolicyView } from '../webui/api/policy-route.ts';
import type { Status } from '../webui/api/status-schema.ts';

type OrProblem<Value> =
  | { readonly ok: true; readonly value: Value }
  /** In words for a person. */
  | { readonly ok: false; readonly problem: string };

export type EchoResult = OrProblem<{
  readonly sent: number;
  readonly received: number;
  /** Milliseconds; null when nothing came back. */
  readonly rttMs: { readonly min: number; readonly average: number; readonly max: number } | null;
}>;

export type Hop = {
  readonly hop: number;
  readonly address: string | null;
  readonly ms: number | null;
  readonly note: string | null;
};

/** A link that is listened on, as packets pass it. */
export type OpenLink = {
  /** Whether frames begin with an Ethernet header; those of tunnels begin with IP's. */
  readonly isEthernet: boolean;
  /** Frames that came faster than they were read, since it was asked last. */
  dropped(): number;
  close(): void;
};

/** Listens on a link of the kernel; rejects where there is none. A frame is a view that is good until `onFrame` returns. */
export type OpenLinkOf = (
  link: string,
  snapLength: number,
  onFrame: (octets: Uint8Array, length: number) => void,
) => Promise<OpenLink>;

/** Where a capture is written; null by itself until `create`. */
export type CaptureSink = {
  write(octets: Uint8Array): void;
  close(): void;
};

/** The one file that a capture over the API has. */
export interface CaptureFile {
  /** Makes it anew and empty, for root's eyes alone. */
  create(): CaptureSink;
  /** @param onEnd called once it was read to its end, not where reading broke off */
  read(onEnd: () => void): ReadableStream<Uint8Array>;
  /** Well where there is none. */
  remove(): Promise<void>;
}

export interface DiagnosisPorts {
  readonly explain: PolicyView['explain'];
  readonly status: () => Pick<Status, 'tunnels' | 'network'>;
  /** Sends echoes from an address, or from the one that the kernel chooses. */
  readonly echo: (
    to: string,
    options: { readonly count: number; readonly source: string | undefined },
  ) => Promise<EchoResult>;
  /** @param onHops told what is known so far */
  readonly trace: (
    to: string,
    options: {
      readonly hops: number;
      readonly source: string | undefined;
      readonly onHops: (hops: readonly Hop[]) => void;
    },
  ) => Promise<OrProblem<readonly Hop[]>>;
  readonly hasLink: (link: string) => boolean;
  readonly openLink: OpenLinkOf;
  readonly captureFile: CaptureFile;
  /** Milliseconds since 1970, with a fraction. */
  readonly now: () => number;
}
