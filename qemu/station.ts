import { createSocket, type Socket } from 'node:dgram';
import { type NetworkEnd, unusedUdpPort } from './network.ts';

const loopback = '127.0.0.1';

/**
 * A machine on a guest's network that is played by this process: it puts Ethernet frames of its own making on the cable
 * and sees all that arrive. For what no honest machine would send, at a rate that no emulated one could.
 */
export class Station implements AsyncDisposable {
  /** What the guest's card is plugged into. */
  readonly network: NetworkEnd;
  readonly #socket: Socket;
  readonly #remotePort: number;
  readonly #listeners = new Set<(frame: Uint8Array) => void>();

  private constructor(socket: Socket, remotePort: number) {
    this.#socket = socket;
    this.#remotePort = remotePort;
    const localPort = socket.address().port;
    this.network = {
      netdev: (id) => `socket,id=${id},udp=${loopback}:${localPort},localaddr=${loopback}:${remotePort}`,
    };
    socket.on('message', (frame) => {
      for (const listener of this.#listeners) listener(frame);
    });
    // Before the guest listens, and after its end, nobody does.
    socket.on('error', () => {});
  }

  static async open(): Promise<Station> {
    const remotePort = await unusedUdpPort();
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20, sendBufferSize: 4 << 20 });
    await new Promise<void>((resolve) => socket.bind(0, loopback, resolve));
    return new Station(socket, remotePort);
  }

  /** Resolves when the frame has left this process. */
  send(frame: Uint8Array): Promise<void> {
    return new Promise((resolve) => this.#socket.send(frame, this.#remotePort, loopback, () => resolve()));
  }

  /** Calls the listener for every frame from the guest until the returned function is called. */
  onFrame(listener: (frame: Uint8Array) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }
}
