import { closeSync, createReadStream, openSync, rmSync, writeSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { CaptureFile, CaptureSink } from '../diagnosis/ports.ts';

/** A new capture file for root's eyes alone; what passes a link may be of anybody's. Throws where it is there already. */
export function createCapture(path: string): CaptureSink {
  const descriptor = openSync(path, 'wx', 0o600);
  return {
    write(octets) {
      // A disk that is nearly full takes a part and says no to the rest.
      for (let at = 0; at < octets.length; ) at += writeSync(descriptor, octets, at);
    },
    close: () => closeSync(descriptor),
  };
}

/** The one at this path, which nobody else writes to. */
export function captureFileAt(path: string): CaptureFile {
  return {
    create() {
      rmSync(path, { force: true });
      return createCapture(path);
    },
    read(onEnd) {
      const stream = createReadStream(path);
      stream.once('end', onEnd);
      return Readable.toWeb(stream) as ReadableStream<Uint8Array>;
    },
    remove: () => rm(path, { force: true }),
  };
}
