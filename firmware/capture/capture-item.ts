import type { DecodeError } from '../bytes/decode.ts';

/** A frame as it was captured. */
export type CapturedFrame = {
  /** From 1, as other tools count. */
  readonly number: number;
  /** ISO 8601 in UTC with the capture's own resolution, or null where it has no time. */
  readonly time: string | null;
  /** The number of tcpdump.org's list of link-layer header types. */
  readonly linkType: number;
  readonly octets: Uint8Array;
};

export type CaptureItem =
  | { readonly type: 'frame'; readonly frame: CapturedFrame }
  /** The file cannot be read on from here. Nothing follows. */
  | { readonly type: 'broken'; readonly error: DecodeError };

/** The end of a file that cannot be read on. */
export function broken(path: string, offset: number, problem: string): CaptureItem {
  return { type: 'broken', error: { path, offset, problem } };
}
