import type { Progress } from '../../image-builder/progress.ts';
import type { AssociationsReport } from '../../qemu/guest/associations.ts';
import type { OverlayGateway } from '../../qemu/overlay-gateway.ts';
import { OverlayGuest } from '../../qemu/overlay-guest.ts';
import { type Figure, median } from './figures.ts';
import type { Bench } from './main.ts';

/** Tunnels take turns, so that whatever else the machine does falls on all alike. */
const rounds = 5;
const secondsATry = 4;
const streamCounts = [1, 4] as const;

/** One gateway's, as a large network's first has them. */
const manyPeers = 1_000;

const wireguardPort = 51_820;

type Pair = {
  readonly name: 'HIP' | 'WireGuard' | 'clear';
  readonly left: OverlayGateway;
  readonly right: OverlayGateway;
};

/** Megabits a second that one host receives from the other. */
async function throughput({ left, right }: Pair, streams: number): Promise<number> {
  const { ipv4 } = right.host.addresses;
  const report = await left.host.run(
    `iperf3 --json --client ${ipv4} --time ${secondsATry} --parallel ${streams}`,
  );
  const { end } = JSON.parse(report) as { end: { sum_received: { bits_per_second: number } } };
  return end.sum_received.bits_per_second / 1e6;
}

/**
 * Makes a gateway's links what ports of a box are: segments that come in together become one packet, as on every card
 * unless it is told otherwise, and packets are steered to the processors as netd does. Every kind of gateway gets it.
 */
export async function makePorts(gateway: OverlayGateway): Promise<void> {
  await gateway.joinSegments();
  // A mounted sysfs shows the links of the network namespace it was mounted in.
  await gateway.run(`busybox unshare -m sh -ec 'mount -t sysfs sys /sys
    for queue in /sys/class/net/uplink/queues/rx-*; do echo 2 >$queue/rps_cpus; done
    for queue in /sys/class/net/lan/queues/rx-*; do echo 1 >$queue/rps_cpus; done'`);
}

async function connectHip(left: OverlayGateway, right: OverlayGateway): Promise<void> {
  await Promise.all([left.start({ peers: [right.asPeer()] }), right.start({ peers: [left.asPeer()] })]);
  await left.connected(right);
}

/** WireGuard as its own documentation sets it up, with the firewall of the other pair around it. */
async function connectWireguard(
  left: OverlayGateway,
  right: OverlayGateway,
  firewall: string,
): Promise<void> {
  const makeKey = async (gateway: OverlayGateway) => {
    await gateway.run(`umask 077; wg genkey >/tmp/wg-${gateway.name}`);
    return (await gateway.run(`wg pubkey </tmp/wg-${gateway.name}`)).trim();
  };
  const keys = [await makeKey(left), await makeKey(right)];
  const ends = [left, right];
  for (const [index, gateway] of ends.entries()) {
    const peer = ends[1 - index];
    const peerKey = keys[1 - index];
    if (!peer || !peerKey) throw new RangeError('a tunnel has two ends');
    const { ipv4 } = peer.place.lan;
    await gateway.run(`set -e
      ip link add wg0 type wireguard
      wg set wg0 private-key /tmp/wg-${gateway.name} listen-port ${wireguardPort} \\
        peer ${peerKey} allowed-ips ${ipv4} endpoint ${peer.place.seenAs}:${wireguardPort}
      ip link set wg0 up
      ip route add ${ipv4} dev wg0
      nft -f - <<'END'\n${firewall}\nEND`);
  }
}

async function connectClear(guest: OverlayGuest, left: OverlayGateway, right: OverlayGateway): Promise<void> {
  for (const gateway of [left, right])
    await guest.provider.run(`ip route add ${gateway.place.lan.ipv4} via ${gateway.place.seenAs}`);
}

async function connectPairs(guest: OverlayGuest): Promise<readonly Pair[]> {
  const pair = async (name: Pair['name']): Promise<Pair> => {
    const [left, right] = [
      await guest.gateway(`${name}1`.toLowerCase()),
      await guest.gateway(`${name}2`.toLowerCase()),
    ];
    for (const gateway of [left, right]) await makePorts(gateway);
    await right.host.run('iperf3 --server --daemon');
    return { name, left, right };
  };
  const hip = await pair('HIP');
  await connectHip(hip.left, hip.right);
  const wireguard = await pair('WireGuard');
  const ruleset = await hip.left.run('nft list table inet hithe; nft list table inet hithe_policy');
  const firewall = ruleset.replaceAll('hip0', 'wg0').replaceAll('10500', String(wireguardPort));
  await connectWireguard(wireguard.left, wireguard.right, firewall);
  const clear = await pair('clear');
  await connectClear(guest, clear.left, clear.right);
  return [hip, wireguard, clear];
}

type Samples = ReadonlyMap<string, number[]>;
const key = (name: string, streams: number) => `${name} ${streams}`;

async function measure(pairs: readonly Pair[], progress: Progress): Promise<Samples> {
  const samples = new Map<string, number[]>();
  for (let round = 1; round <= rounds; round++) {
    progress(`Round ${round} of ${rounds}: HIP, WireGuard and clear, ${streamCounts.join(' and ')} streams`);
    for (const streams of streamCounts) {
      for (const pair of pairs) {
        const place = key(pair.name, streams);
        samples.set(place, [...(samples.get(place) ?? []), await throughput(pair, streams)]);
      }
    }
  }
  return samples;
}

function ratio(
  samples: Samples,
  peer: 'WireGuard' | 'clear',
  streams: number,
  figure: Pick<Figure, 'name' | 'target'>,
): Figure {
  const tunnel = samples.get(key('HIP', streams)) ?? [];
  const other = samples.get(key(peer, streams)) ?? [];
  // Each try against the one beside it in time.
  const ratios = tunnel.map((value, index) => value / (other[index] ?? Number.NaN));
  const speed = (values: readonly number[]) => `${median(values).toFixed(1)} Mbit/s`;
  return {
    ...figure,
    value: median(ratios),
    unit: 'ratio',
    better: 'higher',
    against: `${peer === 'clear' ? 'the plain link' : peer} between the same kind of gateways in the same guest: ${speed(other)} (tunnel ${speed(tunnel)})`,
    samples: ratios,
  };
}

/** Until the kernel has the security associations of many peers that come about at once. */
async function measureAssociations(guest: OverlayGuest, progress: Progress): Promise<Figure> {
  const gateway = await guest.gateway('many');
  const reports: AssociationsReport[] = [];
  for (let round = 1; round <= 3; round++) {
    progress(`Security associations of ${manyPeers} peers, round ${round} of 3`);
    reports.push(await gateway.applyAssociations(manyPeers));
  }
  const seconds = reports.map(({ applied }) => applied / 1000);
  const atOnce = median(reports.map(({ atOnce }) => atOnce / 1000));
  return {
    ...{
      name: 'associations-1000-apply-s',
      value: median(seconds),
      unit: 's',
      better: 'lower',
      target: null,
    },
    against: `the same lines in one run of ip: ${atOnce.toFixed(2)} s`,
    samples: seconds,
  };
}

export const measureTunnel: Bench = async (progress) => {
  await using guest = await OverlayGuest.start({ name: 'bench-tunnel', progress, memoryMiB: 1024 });
  // Writing every packet to a file would cost more than carrying it.
  await guest.stopCapture();
  const associations = await measureAssociations(guest, progress);
  const samples = await measure(await connectPairs(guest), progress);
  return {
    accelerator: guest.machine.accelerator,
    figures: [
      ratio(samples, 'WireGuard', 1, { name: 'tunnel-to-wireguard-ratio', target: 2 }),
      ratio(samples, 'WireGuard', 4, { name: 'tunnel-to-wireguard-ratio-4-streams', target: 2 }),
      ratio(samples, 'clear', 1, { name: 'tunnel-to-clear-ratio', target: null }),
      associations,
    ],
  };
};
