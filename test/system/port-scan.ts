import { type Ipv4Packet, protocols, tcpSyn, udp } from './frames.ts';
import type { Stranger } from './stranger.ts';

const sourcePort = 40_000;
export const allPorts = 65_535;

/** One probe to each TCP and UDP port of an address. Returns what came back from it, be it an answer or a refusal. */
export async function scanAllPorts(stranger: Stranger, target: string): Promise<readonly Ipv4Packet[]> {
  const before = stranger.heard.length;
  for (let port = 1; port <= allPorts; port++) {
    const ends = { source: stranger.address, destination: target, sourcePort, destinationPort: port };
    await stranger.send(tcpSyn(ends));
    await stranger.send(udp({ ...ends, payload: new Uint8Array(8) }));
  }
  await stranger.settle();
  return stranger.heard.slice(before).filter(({ source }) => source === target);
}

/** Whether a port of an address answers a SYN, with acceptance or a reset: what the scan would have seen. */
export async function answersTcp(stranger: Stranger, target: string, port: number): Promise<boolean> {
  const before = stranger.heard.length;
  await stranger.send(
    tcpSyn({ source: stranger.address, destination: target, sourcePort, destinationPort: port }),
  );
  await stranger.settle();
  return stranger.heard
    .slice(before)
    .some(({ source, protocol }) => source === target && protocol === protocols.tcp);
}
