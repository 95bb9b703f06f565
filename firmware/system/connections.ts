import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ConnectionBounds } from '../webui/ports.ts';

interface Held {
  readonly socket: Socket;
  /** Answers that are not whole yet. */
  readonly answers: Set<ServerResponse>;
}

/**
 * The connections of all listeners together. Where there are as many as may be, the oldest on which nothing is under way
 * makes room: a host has as many IPv6 addresses as it likes, and must not hold all places by doing nothing.
 */
export class Connections {
  readonly #bounds: Pick<ConnectionBounds, 'connections' | 'connectionsPerAddress'>;
  /** Oldest first. */
  readonly #held = new Map<string, Held>();
  readonly #perAddress = new Map<string, number>();
  readonly #local = new WeakMap<Socket, string>();
  #count = 0;

  constructor(bounds: Pick<ConnectionBounds, 'connections' | 'connectionsPerAddress'>) {
    this.#bounds = bounds;
  }

  /** False, and the socket gone, where there are too many. */
  admit(socket: Socket): boolean {
    const from = socket.remoteAddress ?? '';
    const already = this.#perAddress.get(from) ?? 0;
    const isFull = this.#held.size >= this.#bounds.connections;
    if (already >= this.#bounds.connectionsPerAddress || (isFull && !this.#makeRoom())) {
      socket.destroy();
      return false;
    }
    this.#local.set(socket, `${this.#count++}`);
    const name = this.#nameOf(socket);
    const held: Held = { socket, answers: new Set() };
    this.#held.set(name, held);
    this.#perAddress.set(from, already + 1);
    socket.once('close', () => {
      if (this.#held.get(name) === held) this.#held.delete(name);
      const left = (this.#perAddress.get(from) ?? 1) - 1;
      if (left === 0) this.#perAddress.delete(from);
      else this.#perAddress.set(from, left);
    });
    return true;
  }

  /** Takes note of a request until its answer is whole. @returns whether another is under way on its connection */
  begin(socket: Socket, answer: ServerResponse): boolean {
    const answers = this.#held.get(this.#nameOf(socket))?.answers;
    if (answers === undefined) return false;
    answers.add(answer);
    answer.once('close', () => answers.delete(answer));
    return answers.size > 1;
  }

  /** Whether an answer has begun, or is due to a request that is whole: another one would be taken for it. */
  isAnswering(socket: Socket): boolean {
    const answers = this.#held.get(this.#nameOf(socket))?.answers ?? [];
    return [...answers].some(({ headersSent, req }) => headersSent || req.complete);
  }

  #makeRoom(): boolean {
    for (const [name, { socket, answers }] of this.#held) {
      if (answers.size > 0) continue;
      this.#held.delete(name);
      socket.destroy();
      return true;
    }
    return false;
  }

  /** The same for a TLS socket and the TCP socket under it. */
  #nameOf(socket: Socket): string {
    const { remoteAddress, remotePort, localAddress, localPort } = socket;
    if (remotePort === undefined) return this.#local.get(socket) ?? '';
    return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
  }
}
