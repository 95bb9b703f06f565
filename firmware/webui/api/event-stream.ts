import { limits } from '../limits.ts';

export interface EventStreamPorts {
  /** The messages that are due now, given the newest log line that has been sent. */
  readonly next: (after: number) => { readonly messages: readonly ServerMessage[]; readonly newest: number };
  /** What a page that has just opened needs first, and the newest log line in it. */
  readonly first: () => { readonly messages: readonly ServerMessage[]; readonly newest: number };
}

export interface ServerMessage {
  readonly event: 'status' | 'log';
  readonly data: unknown;
}

export interface EventStreams {
  /**
   * A stream of server-sent events (HTML Living Standard § 9.2), or null where there are as many as there may be. It ends
   * once its reader may not have more: signed out, or the box was claimed by somebody.
   */
  open(signal: AbortSignal, mayStill?: () => boolean): ReadableStream<Uint8Array> | null;
  count(): number;
  close(): void;
}

interface Reader {
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  /** A reader that was skipped has missed log lines; it gets them with its next message. */
  newest: number;
  readonly mayStill: () => boolean;
}

/** One timer for all open pages; it runs only while there are any. */
export function createEventStreams({ first, next }: EventStreamPorts): EventStreams {
  const readers = new Set<Reader>();
  const encoder = new TextEncoder();
  let timer: ReturnType<typeof setInterval> | null = null;

  function frame(messages: readonly ServerMessage[]): Uint8Array {
    return encoder.encode(
      messages.map(({ event, data }) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`).join(''),
    );
  }

  function tick(): void {
    // Readers that are up to date get the same octets, encoded once.
    const frames = new Map<number, { bytes: Uint8Array; newest: number }>();
    for (const reader of [...readers]) {
      if (!reader.mayStill()) {
        drop(reader);
        reader.controller.close();
        continue;
      }
      if ((reader.controller.desiredSize ?? 0) <= 0) continue;
      let due = frames.get(reader.newest);
      if (due === undefined) {
        const { messages, newest } = next(reader.newest);
        due = { bytes: frame(messages), newest };
        frames.set(reader.newest, due);
      }
      reader.newest = due.newest;
      reader.controller.enqueue(due.bytes);
    }
  }

  function drop(reader: Reader): void {
    if (!readers.delete(reader)) return;
    if (readers.size === 0 && timer !== null) {
      clearInterval(timer);
      timer = null;
    }
  }

  return {
    open(signal, mayStill = () => true) {
      if (readers.size >= limits.eventStreams) return null;
      let reader: Reader | null = null;
      return new ReadableStream<Uint8Array>(
        {
          start(controller) {
            const { messages, newest } = first();
            controller.enqueue(frame(messages));
            const opened: Reader = { controller, newest, mayStill };
            reader = opened;
            readers.add(opened);
            timer ??= setInterval(tick, limits.statusEveryMs);
            signal.addEventListener('abort', () => drop(opened), { once: true });
          },
          cancel() {
            if (reader !== null) drop(reader);
          },
        },
        { highWaterMark: limits.queuedEvents },
      );
    },
    count: () => readers.size,
    close() {
      for (const reader of [...readers]) {
        drop(reader);
        reader.controller.close();
      }
    },
  };
}
