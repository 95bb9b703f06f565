import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A line to a box on loopback that can be cut, while the box itself goes on. */
export interface CuttableLine {
  readonly port: number;
  /** Closes every connection, and takes none any more. */
  cut(): Promise<void>;
  restore(): Promise<void>;
  close(): Promise<void>;
}

export async function openCuttableLine(boxPort: number): Promise<CuttableLine> {
  const sockets = new Set<Socket>();
  let server: Server | null = null;
  let port = 0;
  const hold = (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // What is cut is an error to whoever was speaking.
    socket.on('error', () => socket.destroy());
  };
  const restore = async () => {
    server = createServer((near) => {
      const far = connect(boxPort, '127.0.0.1');
      hold(near);
      hold(far);
      near.pipe(far).pipe(near);
      near.on('close', () => far.destroy());
      far.on('close', () => near.destroy());
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address === 'object' && address !== null) port = address.port;
  };
  const cut = async () => {
    const closing = server;
    server = null;
    if (closing === null) return;
    const closed = once(closing, 'close');
    closing.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await restore();
  return { port, cut, restore, close: cut };
}
