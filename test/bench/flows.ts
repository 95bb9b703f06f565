import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parseConntrackMessages } from '../../firmware/flows/conntrack-messages.ts';
import { FlowTracker } from '../../firmware/flows/tracker.ts';
import { compilePolicy } from '../../firmware/policy/compile.ts';
import { numberRules } from '../../firmware/policy/rule-numbers.ts';
import { FlowStore } from '../../firmware/store/flow-store.ts';
import { storeFiles } from '../../firmware/system/store-files.ts';
import type { Progress } from '../../image-builder/progress.ts';
import type { OverlayGateway } from '../../qemu/overlay-gateway.ts';
import { OverlayGuest } from '../../qemu/overlay-guest.ts';
import { connectionMessage, conntrackEvent, datagram } from '../flows/netlink-octets.ts';
import { asPolicyPeers, largePolicy } from '../policy/large-policy.ts';
import { type Figure, median } from './figures.ts';
import type { Bench } from './main.ts';

/** Connections that end, and how many the store gets at once. */
const connections = 100_000;
const batch = 128;
const tries = 3;

/** With recording and without take turns. */
const rounds = 4;
const secondsATry = 8;
/** Connections that begin every second beside the one that is measured: a busy plant's. */
const beside = 100;

/** From the kernel's octets to the disk, on one CPU of this machine, under a policy of a large network. */
async function recordsPerSecond(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'hithe-bench-'));
  const { policy, peers } = largePolicy(1_000, 100);
  const input = { policy, own: {}, peers: asPolicyPeers(peers) };
  const { numbers } = numberRules(
    new Map(),
    policy.rules.map(({ id }) => id),
  );
  const compiled = compilePolicy(input, numbers, 0);
  if (!compiled.ok) throw new Error(compiled.problem);
  const tracker = new FlowTracker();
  tracker.setPolicy({ since: 0, input, compiled: compiled.value, networks: [], own: [] });
  const events = Array.from({ length: 1_000 }, (_, index) =>
    datagram(
      connectionMessage(conntrackEvent.delete, {
        from: `10.0.${index % 50}.${index % 200}`,
        to: `10.1.${index % 7}.${index % 250}`,
        ...{ id: index, mark: 1 + (index % 1_000), start: 1.7e18, stop: 1.7e18 + 5e9 },
      }),
    ),
  );
  const pause = async () => void (await nextTurn());
  const warn = ({ message }: { message: string }) => {
    throw new Error(message);
  };
  const ports = { files: storeFiles, now: () => Date.now(), pause, warn };
  const store = await FlowStore.open(folder, { days: 30, mebibytes: 256 }, ports);
  const started = performance.now();
  for (let count = 0; count < connections; count += batch) {
    for (let index = count; index < count + batch; index++)
      for (const message of parseConntrackMessages(events[index % events.length] ?? new Uint8Array()))
        if (message.kind === 'ended') tracker.ended(message.connection, 0);
    const added = store.add(tracker.take(0));
    if (!added.ok) throw added.error;
  }
  const rate = connections / ((performance.now() - started) / 1000);
  store.close();
  await rm(folder, { recursive: true });
  return rate;
}

async function measureRate(progress: Progress): Promise<Figure> {
  const samples: number[] = [];
  for (let one = 1; one <= tries; one++) {
    progress(`Records of ${connections.toLocaleString('en')} connections, ${one} of ${tries}`);
    samples.push(await recordsPerSecond());
  }
  return {
    ...{ name: 'flow-records-per-second', value: median(samples), unit: 'records/s', better: 'higher' },
    ...{ target: null, against: null, samples },
  };
}

/** Mbit/s of a stream that takes all of the processor that connections beside it, and their records, leave. */
async function throughput(from: OverlayGateway, to: OverlayGateway): Promise<number> {
  const { ipv4, ipv6 } = to.host.addresses;
  const others = from.host.traffic({
    ...{ do: 'open-many', hosts: [ipv6], ports: beside * secondsATry, perSecond: beside },
  });
  // The kernel ends what has had its time when it comes past, which may be a minute later, or when somebody looks.
  const endings = from.run(
    `for second in $(busybox seq ${secondsATry}); do sleep 1; cat /proc/net/nf_conntrack; done >/dev/null`,
  );
  const report = await from.host.run(`iperf3 --json --client ${ipv4} --time ${secondsATry}`);
  await Promise.all([others, endings]);
  const { end } = JSON.parse(report) as { end: { sum_received: { bits_per_second: number } } };
  return end.sum_received.bits_per_second / 1e6;
}

async function measureCost(
  progress: Progress,
): Promise<{ readonly accelerator: string; readonly figure: Figure }> {
  await using guest = await OverlayGuest.start({ name: 'bench-flows', progress, countsInstructions: true });
  await guest.stopCapture();
  const [left, right] = [await guest.gateway('left'), await guest.gateway('right')];
  // So that what began in a round has ended in it or the next, and is recorded.
  for (const gateway of [left, right])
    await gateway.run('busybox sysctl -q -w net.netfilter.nf_conntrack_udp_timeout=1');
  await Promise.all([left.start({ peers: [right.asPeer()] }), right.start({ peers: [left.asPeer()] })]);
  await left.connected(right);
  await right.host.run('iperf3 --server --daemon');
  const found: { readonly on: number[]; readonly off: number[] } = { on: [], off: [] };
  for (let round = 1; round <= rounds; round++) {
    progress(`Throughput with and without records, round ${round} of ${rounds}`);
    for (const way of round % 2 === 0 ? (['on', 'off'] as const) : (['off', 'on'] as const)) {
      for (const gateway of [left, right]) await gateway.recordFlows(way === 'on');
      // What was opened before is over and recorded, or is not.
      await throughput(left, right);
      found[way].push(await throughput(left, right));
    }
  }
  const { recording } = await left.recordFlows(true);
  if (recording.records < (rounds * beside * secondsATry) / 2)
    throw new Error(`only ${recording.records} flows were recorded`);
  const samples = found.on.map((on, index) => 1 - on / (found.off[index] ?? Number.NaN));
  const figure: Figure = {
    ...{ name: 'flow-log-throughput-cost', value: median(samples), unit: 'part', better: 'lower' },
    ...{ target: 0.05, samples },
    against: `the same ${secondsATry} s without records: ${median(found.off).toFixed(1)} Mbit/s (${median(found.on).toFixed(1)} with) through one processor for two gateways and their hosts, ${beside} other connections begun a second`,
  };
  return { accelerator: guest.machine.accelerator, figure };
}

export const measureFlows: Bench = async (progress) => {
  const rate = await measureRate(progress);
  const { accelerator, figure } = await measureCost(progress);
  return { accelerator, figures: [rate, figure] };
};
