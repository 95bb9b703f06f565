import { ethernetLinkType, rawLinkType } from '../capture/link-layer.ts';
import type { PacketFilter } from '../capture/packet-filter.ts';
import { Recording, type RecordingCounts } from '../capture/recording.ts';
import type { CaptureSink, OpenLinkOf } from './ports.ts';

export type RecordOptions = {
  readonly filter: PacketFilter;
  /** Octets kept of a frame. */
  readonly snapLength: number;
  /** Frames. */
  readonly count: number;
  /** Octets of the file. */
  readonly size: number;
  /** Frames a second. */
  readonly rate: number;
  readonly seconds: number;
  /** Ends it early. */
  readonly signal: AbortSignal;
};

export type RecordResult = RecordingCounts & {
  readonly ended: 'count' | 'size' | 'time' | 'stopped';
  /** Frames that came faster than they were read. */
  readonly dropped: number;
};

export type RunningRecord = {
  counts(): RecordingCounts;
  /** Rejects where the file cannot be written. The link is let go and the file closed whatever comes. */
  readonly ended: Promise<RecordResult>;
};

/**
 * Writes what passes a link, in and out, as a capture file, until a bound is reached.
 *
 * Rejects where the link cannot be listened on or the file cannot be made; nothing is open then.
 *
 * @param link the kernel's name
 */
export async function startRecord(
  link: string,
  { filter, snapLength, count, size, rate, seconds, signal }: RecordOptions,
  ports: {
    readonly openLink: OpenLinkOf;
    readonly createFile: () => CaptureSink;
    readonly now: () => number;
  },
): Promise<RunningRecord> {
  let take: ((frame: Uint8Array, length: number) => void) | undefined;
  const socket = await ports.openLink(link, snapLength, (frame, length) => take?.(frame, length));
  let file: CaptureSink;
  try {
    file = ports.createFile();
  } catch (error) {
    socket.close();
    throw error;
  }
  const close = () => {
    take = undefined;
    socket.close();
    file.close();
  };
  let recording: Recording;
  try {
    const linkType = socket.isEthernet ? ethernetLinkType : rawLinkType;
    const bounds = { linkType, snapLength, filter, count, size, rate };
    recording = new Recording(bounds, (octets) => file.write(octets), ports.now());
  } catch (error) {
    close();
    throw error;
  }
  const { promise, resolve, reject } = Promise.withResolvers<RecordResult['ended']>();
  const timer = setTimeout(() => resolve('time'), seconds * 1000);
  signal.addEventListener('abort', () => resolve('stopped'), { once: true });
  if (signal.aborted) resolve('stopped');
  take = (frame, length) => {
    try {
      const end = recording.take(frame, length, ports.now());
      if (end === null) return;
      take = undefined;
      resolve(end);
    } catch (error) {
      take = undefined;
      reject(error);
    }
  };
  return {
    counts: () => recording.counts,
    ended: promise
      .then((ended) => ({ ended, ...recording.counts, dropped: socket.dropped() }))
      .finally(() => {
        clearTimeout(timer);
        close();
      }),
  };
}
