import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FlowKeeper } from '../../firmware/boot/flow-keeper.ts';
import type { Connection } from '../../firmware/flows/conntrack-messages.ts';
import type { FlowEnd, FlowRecord } from '../../firmware/flows/flow-record.ts';
import { compilePolicy } from '../../firmware/policy/compile.ts';
import { FlowStore } from '../../firmware/store/flow-store.ts';
import { defaultSettings } from '../../firmware/store/settings-schema.ts';
import { storeFiles } from '../../firmware/system/store-files.ts';

export interface KeptFlows {
  readonly keeper: FlowKeeper;
  /** Ends of connections that the kernel is about to tell of. */
  readonly ends: Connection[];
  /** Connections that live. */
  lives: Connection[];
  /** What the kernel dropped. */
  readonly lost: { connections: number; packets: number };
  close(): Promise<void>;
}

const pause = async () => void (await nextTurn());

/** Recorded flows as the box has them, in a store of its own: everything real but the kernel. */
export async function openKeptFlows(records: readonly FlowRecord[]): Promise<KeptFlows> {
  const directory = mkdtempSync(join(tmpdir(), 'hithe-flows-'));
  const openStore = () =>
    FlowStore.open(
      directory,
      { days: 30, mebibytes: 512 },
      { files: storeFiles, now: Date.now, pause, warn: ({ message }) => console.error(message) },
    );
  const store = await openStore();
  for (let from = 0; from < records.length; from += 4_096) {
    const added = store.add(records.slice(from, from + 4_096));
    if (!added.ok) throw added.error;
  }
  store.close();
  const ends: Connection[] = [];
  const lost = { connections: 0, packets: 0 };
  const keeper = new FlowKeeper({
    openKernel: async () => ({
      read: (_, { ended }) => ends.splice(0).forEach(ended),
      dump: async (visit) => kept.lives.forEach(visit),
      lost: () => ({ ...lost }),
      close: () => {},
    }),
    openStore,
    interfaces: () => [],
    stateMebibytes: () => 4_096,
    now: Date.now,
    setTimer: (milliseconds, callback) => {
      const timer = setTimeout(callback, milliseconds);
      return { close: () => clearTimeout(timer) };
    },
    ...{ pause, log: () => {}, warn: () => {}, clearWarning: () => {} },
  });
  const { policy, overlay, network, flows } = defaultSettings;
  const input = { policy, own: {}, peers: [] };
  const compiled = compilePolicy(input, new Map([['modbus', 1]]), 0);
  if (!compiled.ok) throw new Error(compiled.problem);
  const facts = { settings: { policy, overlay, network }, own: {}, lan: [], apart: [] };
  keeper.policyInForce({ since: 0, facts, input, compiled: compiled.value });
  await keeper.apply(flows);
  const kept: KeptFlows = {
    ...{ keeper, ends, lost, lives: [] },
    async close() {
      await keeper.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  return kept;
}

/** A connection that ended just now; without a mark it is one that a new policy cut. */
export function endedConnection(port: number, more: Partial<Connection> = {}): Connection {
  const now = Date.now();
  return {
    ...{ id: port, from: '192.168.1.10', to: '192.168.1.20', protocol: 6, port, mark: 0 },
    ...{ start: now - 1_000, end: now },
    ...{ sent: { packets: 3, bytes: 300 }, received: { packets: 2, bytes: 200 } },
    ...more,
  };
}

const end = (address: string, more: Partial<FlowEnd> = {}): FlowEnd => ({
  ...{ address, devices: [], gateway: 'this', labels: [] },
  ...more,
});
const hosts: readonly FlowEnd[] = [
  end('192.168.1.10', { devices: ['hmi'], labels: ['zone=control'] }),
  end('192.168.1.20', { devices: ['press-4'], labels: ['zone=field', 'cell=4'] }),
  end('192.168.1.77', { devices: ['Kühlmittelpumpe-Halle-Süd-Achsenprüfstand-mit-sehr-langem-Namen-1'] }),
  end('192.168.1.99', { devices: ['مضخة-التبريد'] }),
  end('fd00:1::5'),
  end('10.2.0.20', { devices: ['recorder'], gateway: 'wien', platform: 'bare-metal', attestation: 'passed' }),
  end('10.3.0.4', { gateway: 'zagreb' }),
];
const services = [
  ['tcp', 502],
  ['tcp', 443],
  ['udp', 53],
  ['tcp', 554],
  ['icmp', 0],
  ['47', 0],
] as const;

/** Flows of a plant over a day that ends at `until`, each the same every time: one in twenty is denied. */
export function plantFlows(count: number, until: number): FlowRecord[] {
  const at = <Value>(list: readonly Value[], index: number) => list[index % list.length] as Value;
  return Array.from({ length: count }, (_, index) => {
    const age = Math.round(((count - index) / count) * 86_400_000);
    const [protocol, port] = at(services, index * 7 + (index >> 3));
    const [from, to] = [at(hosts, index), at(hosts, index * 3 + 1)];
    const isDenied = index % 20 === 7;
    const reason = isDenied ? at(['default', 'rule', 'quarantine', 'spoofed'] as const, index) : 'rule';
    return {
      ...{ start: until - age, end: until - age + (index % 60) * 1_000, from, to, protocol, port },
      direction: to.gateway === 'this' ? 'local' : 'outbound',
      verdict: isDenied ? 'deny' : 'allow',
      reason,
      rule: reason === 'rule' ? (isDenied ? 'no-web' : 'modbus') : null,
      staged: index % 50 === 7 ? { rule: 'video', verdict: 'allow' } : null,
      sent: { packets: index % 900, bytes: (index % 900) * 517 },
      received: isDenied ? { packets: 0, bytes: 0 } : { packets: index % 700, bytes: (index % 700) * 1_203 },
    };
  });
}
