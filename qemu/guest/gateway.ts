import { createPrivateKey } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { FlowKeeper, FlowStatus } from '../../firmware/boot/flow-keeper.ts';
import type { FlowFilter } from '../../firmware/flows/flow-filter.ts';
import type { FlowRecord } from '../../firmware/flows/flow-record.ts';
import { renderFirewall } from '../../firmware/netd/firewall.ts';
import { limits } from '../../firmware/netd/limits.ts';
import { type Overlay, type OverlayConfig, startOverlay } from '../../firmware/netd/overlay/overlay.ts';
import {
  type Explained,
  PolicyEnforcement,
  type PolicyReport,
} from '../../firmware/netd/policy/enforcement.ts';
import type { ExplainQuery } from '../../firmware/policy/explain.ts';
import type { PolicySettings } from '../../firmware/store/policy-schema.ts';
import { defaultSettings } from '../../firmware/store/settings-schema.ts';
import { softwareSigner } from '../../firmware/system/host-identity-file.ts';
import { keyLogFile } from '../../firmware/system/key-log-file.ts';
import { createNetworkSystem } from '../../firmware/system/network-system.ts';
import { openOverlayPorts } from '../../firmware/system/overlay-system.ts';
import { runCommand } from '../../firmware/system/run-command.ts';
import { flowRecorder, networkOf } from './flow-recorder.ts';
import { joinSegments } from './receive-offload.ts';

/** What a gateway of the overlay guest is told, a JSON document a line. */
export type GatewayRequest =
  /** @see OverlayConfig; `pem` is the host identity's private key */
  | {
      readonly do: 'start';
      readonly pem: string;
      readonly config: OverlayConfig;
      readonly policy: PolicySettings;
    }
  | { readonly do: 'reconfigure'; readonly config: OverlayConfig }
  | { readonly do: 'look' }
  /** Puts another policy in force; `apart`: bridges besides the LAN, whose ports it keeps apart. */
  | { readonly do: 'enforce'; readonly policy: PolicySettings; readonly apart?: readonly string[] }
  | { readonly do: 'report-policy' }
  | { readonly do: 'explain'; readonly query: ExplainQuery }
  /** Begins or ends the recording of flows. */
  | { readonly do: 'record-flows'; readonly record: boolean }
  /** The newest recorded flows, or those that live. */
  | { readonly do: 'flows'; readonly filter: FlowFilter; readonly limit: number; readonly live: boolean }
  /** Ends the overlay in order: its peers are told. */
  | { readonly do: 'stop' };

/** What it answers each time. */
export type GatewayAnswer = {
  readonly tunnels: ReturnType<Overlay['tunnels']>;
  /** To `report-policy`. */
  readonly policy: PolicyReport | null;
  /** To `explain`. */
  readonly explained: Explained | null;
  /** To `flows`. */
  readonly flows: readonly FlowRecord[];
  readonly recording: FlowStatus;
  /** Memory of the process in MiB. */
  readonly memoryMiB: number;
};

/** Names of the links in every gateway's namespace. */
export const links = { underlay: 'uplink', lan: 'lan' } as const;

const firewall = (apart: readonly string[]) => ({
  underlay: [links.underlay],
  dhcpClients: [],
  dhcpv6Clients: [],
  internetIpv6: [],
  lans: [links.lan, ...apart],
  apart,
  management: null,
  ...{ dhcpServers: [], timeServers: [], announced: [], internet: [], mapped: [] },
  overlay: 'hip0',
  pageOnUnderlay: false,
});

/** Where a gateway with that name writes its keys when its configuration says so. */
export const keyLogPath = (name: string) => `/run/hithe/${name}.esp_sa`;

/** A gateway's overlay and firewall as the firmware runs them, on the namespace's links instead of ports of a box. */
export async function runGateway([name = '']: readonly string[]): Promise<void> {
  await loadFirewall([]);
  joinSegments([links.underlay, links.lan]);
  writeFileSync('/proc/sys/net/ipv4/route/min_pmtu', String(limits.leastKnownMtu));
  let overlay: Overlay | undefined;
  let explained: Explained | null = null;
  let peers: OverlayConfig['peers'] = [];
  const log = (level: string, message: string) => process.stderr.write(`${level} ${message}\n`);
  const recorder = flowRecorder(`/state/${name}`, log);
  let flows: readonly FlowRecord[] = [];
  const enforcement = new PolicyEnforcement({
    ...createNetworkSystem({ log, runFolder: `/run/hithe/${name}` }),
    now: () => Date.now(),
    inForce: (known) => recorder.policyInForce(known),
  });
  const enforce = async (policy: PolicySettings, apart: readonly string[] = []) => {
    const settings = {
      ...defaultSettings,
      policy,
      network: networkOf(links.lan),
      overlay: { ...defaultSettings.overlay, peers: [...peers] },
    };
    const problem = await enforcement.apply({ settings, own: {}, lan: [links.lan, ...apart], apart });
    if (problem !== null) throw new Error(problem);
  };
  let policy: PolicySettings = defaultSettings.policy;
  for await (const line of createInterface(process.stdin)) {
    const request = JSON.parse(line) as GatewayRequest;
    switch (request.do) {
      case 'start':
        ({ policy } = request);
        ({ peers } = request.config);
        await enforce(policy);
        overlay = await startOverlay(
          {
            ...(await openOverlayPorts(softwareSigner(createPrivateKey(request.pem)), log)),
            keyLog: keyLogFile(keyLogPath(name)),
          },
          request.config,
        );
        break;
      case 'reconfigure':
        ({ peers } = request.config);
        await enforce(policy);
        await overlay?.reconfigure(request.config);
        break;
      case 'enforce':
        ({ policy } = request);
        await loadFirewall(request.apart ?? []);
        await enforce(policy, request.apart);
        break;
      case 'explain': {
        const result = enforcement.explain(request.query);
        if (!result.ok) throw new Error(result.problem);
        explained = result.value;
        break;
      }
      case 'record-flows':
        await recorder.apply({ ...defaultSettings.flows, record: request.record });
        break;
      case 'flows':
        flows = await flowsOf(recorder, request);
        break;
      case 'stop':
        await overlay?.close();
        overlay = undefined;
        break;
      case 'report-policy':
      case 'look':
        break;
    }
    const answer: GatewayAnswer = {
      tunnels: overlay?.tunnels() ?? [],
      policy: request.do === 'report-policy' ? await enforcement.report() : null,
      explained,
      ...{ flows, recording: recorder.status() },
      memoryMiB: process.memoryUsage.rss() / 1024 / 1024,
    };
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  process.exit(0);
}

async function flowsOf(
  recorder: FlowKeeper,
  { filter, limit, live }: Extract<GatewayRequest, { do: 'flows' }>,
): Promise<readonly FlowRecord[]> {
  if (live) return recorder.live(filter, limit);
  const page = await recorder.query(filter, { limit });
  if (!page.ok) throw page.error;
  return page.value.flows;
}

async function loadFirewall(apart: readonly string[]): Promise<void> {
  const input = renderFirewall(firewall(apart));
  const ruleset = await runCommand('/usr/sbin/nft', ['-f', '-'], { input });
  if (ruleset.status !== 0) throw new Error(`nft: ${ruleset.stderr}`);
}
