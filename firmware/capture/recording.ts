import { readFrameFacts } from './frame-facts.ts';
import type { PacketFilter } from './packet-filter.ts';
import { pcapHeader, pcapRecord } from './pcap-writer.ts';

export type RecordingOptions = {
  readonly linkType: number;
  readonly snapLength: number;
  readonly filter: PacketFilter;
  /** Frames. */
  readonly count: number;
  /** Octets of the file. */
  readonly size: number;
  /** Frames a second; as many may come at once. */
  readonly rate: number;
};

/** What became of the frames that came. */
export type RecordingCounts = {
  readonly written: number;
  readonly filtered: number;
  readonly overRate: number;
  /** Of the file. */
  readonly octets: number;
};

/** A capture file that is being written, within bounds of frames, octets and frames a second. */
export class Recording {
  readonly #options: RecordingOptions;
  readonly #write: (octets: Uint8Array) => void;
  #counts: RecordingCounts = { written: 0, filtered: 0, overRate: 0, octets: 0 };
  #tokens: number;
  #filledAt: number;

  /** @param now milliseconds since 1970, with a fraction; a clock that goes back gives no frames for it */
  constructor(options: RecordingOptions, write: (octets: Uint8Array) => void, now: number) {
    this.#options = options;
    this.#write = write;
    this.#tokens = options.rate;
    this.#filledAt = now;
    this.#append(pcapHeader(options.linkType, options.snapLength));
  }

  get counts(): RecordingCounts {
    return this.#counts;
  }

  /** Writes a frame if it is wanted. Returns why the recording is over, or null. */
  take(frame: Uint8Array, length: number, now: number): 'count' | 'size' | null {
    const { linkType, snapLength, filter, count, size, rate } = this.#options;
    if (!filter(readFrameFacts(linkType, frame))) {
      this.#counts = { ...this.#counts, filtered: this.#counts.filtered + 1 };
      return null;
    }
    this.#tokens = Math.min(rate, this.#tokens + (Math.max(0, now - this.#filledAt) * rate) / 1000);
    this.#filledAt = now;
    if (this.#tokens < 1) {
      this.#counts = { ...this.#counts, overRate: this.#counts.overRate + 1 };
      return null;
    }
    const record = pcapRecord(now, frame.subarray(0, snapLength), length);
    if (this.#counts.octets + record.length > size) return 'size';
    this.#tokens--;
    this.#append(record);
    this.#counts = { ...this.#counts, written: this.#counts.written + 1 };
    return this.#counts.written >= count ? 'count' : null;
  }

  #append(octets: Uint8Array): void {
    this.#write(octets);
    this.#counts = { ...this.#counts, octets: this.#counts.octets + octets.length };
  }
}
