import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/** One end of a virtual network: QEMU's `-netdev` argument for the device that is plugged in there. */
export type NetworkEnd = { netdev(id: string): string };

const loopback = '127.0.0.1';

function freeTcpPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, loopback, () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** Several at once, so that they differ: each is held until all are known. */
async function freeUdpPorts(count: number): Promise<number[]> {
  const sockets = Array.from({ length: count }, () => createSocket('udp4'));
  try {
    return await Promise.all(
      sockets.map(
        (socket) =>
          new Promise<number>((resolve, reject) => {
            socket.once('error', reject);
            socket.bind(0, loopback, () => resolve(socket.address().port));
          }),
      ),
    );
  } finally {
    for (const socket of sockets) socket.close();
  }
}

/** A UDP port of loopback for a process that binds it soon. */
export async function unusedUdpPort(): Promise<number> {
  const [port = 0] = await freeUdpPorts(1);
  return port;
}

/**
 * A cable: what goes in at one end comes out at the other, one Ethernet frame a UDP datagram on loopback. It needs no
 * order of start and survives the restart of either machine. A segment of more than two is a guest that bridges its
 * ends (as the lab guest does): QEMU's own multicast hub hands a guest its own frames back, which confuses bridges.
 */
export async function cable(): Promise<readonly [NetworkEnd, NetworkEnd]> {
  const [left = 0, right = 0] = await freeUdpPorts(2);
  const end = (local: number, remote: number): NetworkEnd => ({
    netdev: (id) => `socket,id=${id},udp=${loopback}:${remote},localaddr=${loopback}:${local}`,
  });
  return [end(left, right), end(right, left)];
}

export type UserNetworkOptions = {
  /** The network's prefix, for instance `192.168.1.0/24`. */
  readonly prefix: string;
  /** The address at which QEMU itself is seen in it: DHCP server, and where forwarded connections come from. */
  readonly host: string;
  /** A TCP port of the guest that a free port of 127.0.0.1 leads to. */
  readonly forward?: { readonly address: string; readonly port: number };
  /** An address of the network, at port 80 of which a port of 127.0.0.1 answers. */
  readonly service?: { readonly address: string; readonly localPort: number };
};

/**
 * QEMU's user-mode network with one guest in it, closed: the guest reaches neither this machine nor the world, and
 * only the forwarded port leads in.
 */
export async function userNetwork({
  prefix,
  host,
  forward,
  service,
}: UserNetworkOptions): Promise<NetworkEnd & { forwardedPort: number }> {
  const forwardedPort = forward ? await freeTcpPort() : 0;
  const rule = forward ? `,hostfwd=tcp:${loopback}:${forwardedPort}-${forward.address}:${forward.port}` : '';
  const served = service
    ? `,guestfwd=tcp:${service.address}:80-cmd:busybox nc ${loopback} ${service.localPort}`
    : '';
  return {
    forwardedPort,
    netdev: (id) => `user,id=${id},net=${prefix},host=${host},ipv6=off,restrict=on${rule}${served}`,
  };
}
