// Runs in a network namespace: firewall and policy as the firmware has them, on links `lan` and `hip0`. Requests and
// answers are JSON documents, a line each.
import { writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import type { FlowStatus } from '../../../firmware/boot/flow-keeper.ts';
import type { FlowFilter } from '../../../firmware/flows/flow-filter.ts';
import type { FlowRecord } from '../../../firmware/flows/flow-record.ts';
import { applyFirewall } from '../../../firmware/netd/apply.ts';
import { renderFirewall } from '../../../firmware/netd/firewall.ts';
import {
  type DeviceReport,
  type Explained,
  PolicyEnforcement,
  type PolicyReport,
} from '../../../firmware/netd/policy/enforcement.ts';
import type { ExplainQuery } from '../../../firmware/policy/explain.ts';
import type { PolicySettings } from '../../../firmware/store/policy-schema.ts';
import { defaultSettings, type PeerSettings } from '../../../firmware/store/settings-schema.ts';
import { createNetworkSystem } from '../../../firmware/system/network-system.ts';
import { flowRecorder } from '../../../qemu/guest/flow-recorder.ts';

export type PolicyRequest =
  | { readonly do: 'firewall' }
  | {
      readonly do: 'enforce';
      readonly policy: PolicySettings;
      /** One, called far, where they are not given. */
      readonly peers?: readonly PeerSettings[];
      readonly time?: number;
    }
  | { readonly do: 'explain'; readonly query: ExplainQuery }
  | { readonly do: 'report' }
  /** Records flows from now on, and says which it has recorded. */
  | { readonly do: 'flows'; readonly filter: FlowFilter; readonly live: boolean };
export type PolicyAnswer = {
  readonly problem: string | null;
  /** Milliseconds that enforcing took. */
  readonly tookMs: number;
  readonly report: PolicyReport;
  readonly devices: readonly DeviceReport[];
  readonly explained: Explained | null;
  readonly recording: FlowStatus;
  /** To `flows`. */
  readonly flows: readonly FlowRecord[];
};

/** The network behind the peer that `hip0` leads to. */
const farPeer: PeerSettings[] = [
  {
    name: 'far',
    uri: 'hip://10.0.0.9:10500/2001:22::b',
    protectedPrefixes: ['192.168.20.0/24', 'fd20::/64'],
  },
];

const [runFolder = ''] = process.argv.slice(2);
let time = 0;
const system = createNetworkSystem({
  log: (level, text) => process.stderr.write(`${level} ${text}\n`),
  runFolder,
});
const recorder = flowRecorder(`${runFolder}/flows`, (level, text) =>
  process.stderr.write(`${level} ${text}\n`),
);
const enforcement = new PolicyEnforcement({
  ...{ ...system, now: () => time },
  inForce: (known) => recorder.policyInForce(known),
});

for await (const line of createInterface(process.stdin)) {
  const request = JSON.parse(line) as PolicyRequest;
  let problem: string | null = null;
  let explained: Explained | null = null;
  let flows: readonly FlowRecord[] = [];
  const started = performance.now();
  if (request.do === 'firewall') {
    for (const path of ['ipv4/ip_forward', 'ipv6/conf/all/forwarding'])
      writeFileSync(`/proc/sys/net/${path}`, '1');
    const failures = await applyFirewall(
      system,
      renderFirewall({
        ...{
          underlay: [],
          dhcpClients: [],
          dhcpv6Clients: [],
          internetIpv6: [],
          lans: ['lan'],
          management: null,
          dhcpServers: [],
          timeServers: [],
        },
        ...{ announced: [], internet: [], mapped: [], apart: [] },
        ...{ overlay: 'hip0', pageOnUnderlay: false },
      }),
    );
    problem = failures.join() || null;
  } else if (request.do === 'enforce') {
    time = request.time ?? time;
    const overlay = { ...defaultSettings.overlay, peers: [...(request.peers ?? farPeer)] };
    const network = {
      ...defaultSettings.network,
      lan: { ...defaultSettings.network.lan, address: '192.168.1.1/24', ipv6: 'fd01::1/64' },
    };
    const settings = { policy: request.policy, overlay, network };
    problem = await enforcement.apply({ settings, own: {}, lan: ['lan'], apart: [] });
  } else if (request.do === 'flows') {
    await recorder.apply(defaultSettings.flows);
    const page = await recorder.query(request.filter, { limit: 100 });
    if (request.live) flows = await recorder.live(request.filter, 100);
    else if (page.ok) flows = page.value.flows;
    else problem = page.error.message;
  } else if (request.do === 'explain') {
    const result = enforcement.explain(request.query);
    if (result.ok) explained = result.value;
    else ({ problem } = result);
  }
  const tookMs = performance.now() - started;
  const answer: PolicyAnswer = {
    problem,
    tookMs,
    report: await enforcement.report(),
    devices: await enforcement.devices(),
    explained,
    ...{ flows, recording: recorder.status() },
  };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await recorder.close();
await enforcement.close();
