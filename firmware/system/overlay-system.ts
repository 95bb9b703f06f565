import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { isIP, isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { performance } from 'node:perf_hooks';
import { hipUdpPort } from '../hip/framing.ts';
import type { Locator } from '../hip/locator.ts';
import type { HostIdentitySigner, OverlayPorts } from '../netd/overlay/ports.ts';
import type { LogLevel } from '../netd/system-port.ts';
import { hipCrypto } from './hip-crypto.ts';
import { openHipSocket } from './hip-socket.ts';
import { watchKernelEvents } from './kernel-event-socket.ts';
import { keyLogFile } from './key-log-file.ts';
import { runCommand } from './run-command.ts';

/** In memory: the keys of what is captured now are no use after a restart, and must not be found on a disk. */
const keyLogPath = '/run/hithe/esp_sa';

/** The operating system behind the overlay's ports. Rejects with `SocketCallError` where the port cannot be had. */
export async function openOverlayPorts(
  signer: HostIdentitySigner,
  log: (level: LogLevel, message: string) => void,
  port: number = hipUdpPort,
): Promise<OverlayPorts> {
  return {
    socket: await openHipSocket(port),
    crypto: hipCrypto,
    signer,
    run: runCommand,
    ...timeAndNames,
    sourceAddress,
    watchKernel: watchKernelEvents,
    linkMtu,
    localAddresses,
    log,
    keyLog: keyLogFile(keyLogPath),
  };
}

/** Clocks, timers and the name service. */
export const timeAndNames: Pick<OverlayPorts, 'monotonic' | 'wallClock' | 'setTimer' | 'resolve'> = {
  monotonic: () => performance.now(),
  wallClock: () => Date.now(),
  setTimer(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    return { close: () => clearTimeout(timer) };
  },
  resolve,
};

async function resolve(host: string): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch {
    // No name service yet, or no such name: the caller asks again later.
    return [];
  }
}

/** A connected UDP socket gets the address that the routing table chooses; connecting sends nothing. */
function sourceAddress({ address, port }: Locator): Promise<string | null> {
  return new Promise((resolveAddress) => {
    const socket = createSocket(isIPv4(address) ? 'udp4' : 'udp6');
    const settle = (found: string | null) => {
      socket.removeAllListeners().on('error', () => {});
      socket.close();
      resolveAddress(found);
    };
    socket.once('error', () => settle(null));
    socket.once('connect', () => settle(socket.address().address.replace(/%.*$/, '')));
    socket.connect(port ?? hipUdpPort, address);
  });
}

function linkMtu(address: string): number | null {
  const [name] =
    Object.entries(networkInterfaces()).find(([, addresses]) =>
      addresses?.some((own) => own.address === address),
    ) ?? [];
  if (name === undefined) return null;
  try {
    return Number(readFileSync(`/sys/class/net/${name}/mtu`, 'utf8'));
  } catch {
    // The link went while it was looked at.
    return null;
  }
}

/** Addresses by link, and by which links packets leave: both decide the address that a peer sees. */
function localAddresses(): readonly string[] {
  const addresses = Object.entries(networkInterfaces())
    .flatMap(([name, addresses]) => (addresses ?? []).map(({ address }) => `${name}/${address}`))
    .sort();
  return [...addresses, ...defaultRoutes()];
}

/** Links of the IPv4 default routes with their metrics (proc_pid_net(5)); empty where the file is not there. */
function defaultRoutes(): readonly string[] {
  try {
    const routes = readFileSync('/proc/net/route', 'utf8').split('\n').slice(1);
    return routes.flatMap((line) => {
      const [link, destination, , , , , metric, mask] = line.trim().split(/\s+/);
      return destination === '00000000' && mask === '00000000' ? [`${link} ${metric}`] : [];
    });
  } catch {
    return [];
  }
}
