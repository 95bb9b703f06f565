import { createPrivateKey } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Configuration } from '../../firmware/boot/configuration.ts';
import { PolicyKeeper } from '../../firmware/boot/policy-keeper.ts';
import { SettingsKeeper } from '../../firmware/boot/settings-keeper.ts';
import { type Network, startNetwork } from '../../firmware/netd/netd.ts';
import { type Overlay, overlayConfig, startOverlay } from '../../firmware/netd/overlay/overlay.ts';
import type { NetworkStatus } from '../../firmware/netd/status.ts';
import { openSettingsStore } from '../../firmware/store/open-store.ts';
import type { SettingsLayer } from '../../firmware/store/settings-schema.ts';
import { softwareSigner } from '../../firmware/system/host-identity-file.ts';
import { createNetworkSystem } from '../../firmware/system/network-system.ts';
import { openOverlayPorts } from '../../firmware/system/overlay-system.ts';
import { runCommand } from '../../firmware/system/run-command.ts';
import { storeFiles } from '../../firmware/system/store-files.ts';

/** What a box of the overlay guest is told, a JSON document a line. */
export type BoxRequest =
  /** `pem` is the host identity's private key, `nics` its ports' links. */
  | {
      readonly do: 'start';
      readonly pem: string;
      readonly layer: SettingsLayer;
      readonly nics: readonly string[];
    }
  /** Puts settings on trial that confirm themselves. */
  | { readonly do: 'try'; readonly layer: SettingsLayer; readonly seconds: number }
  | { readonly do: 'look' };

/** What it answers each time. */
export type BoxAnswer = {
  readonly tunnels: ReturnType<Overlay['tunnels']>;
  readonly network: NetworkStatus;
  /** The revision that is on trial, and what became of all, the last one first. */
  readonly trial: number | null;
  readonly outcomes: readonly string[];
  /** Why the request was refused. */
  readonly refused: string | null;
};

type Running = {
  readonly network: Network;
  readonly overlay: Overlay;
  readonly configuration: Configuration;
};

const log = (level: string, message: string) => void process.stderr.write(`${level} ${message}\n`);

async function start(name: string, { pem, layer, nics }: BoxRequest & { do: 'start' }): Promise<Running> {
  const folder = `/state/${name}`;
  mkdirSync(folder, { recursive: true });
  const reports = { log, warn: ({ message }: { message: string }) => log('warning', message) };
  const { store } = await openSettingsStore(folder, {
    files: storeFiles,
    now: () => new Date().toISOString(),
  });
  store.save(layer, 'test');
  const keeper = new SettingsKeeper(store, {}, reports);
  const system = createNetworkSystem({ log, runFolder: `/run/hithe/${name}` });
  const policy = new PolicyKeeper(
    { ...system, now: () => Date.now() },
    { ...reports, platform: 'test', clearWarning: () => {} },
  );
  const settings = keeper.inForce();
  let overlay: Overlay | undefined;
  const network = await startNetwork(
    {
      ...system,
      listNics: () =>
        nics.map((kernelName) => ({
          ...{ kernelName, devicePath: null, devicePort: 0, mac: null, driver: 'veth' },
        })),
    },
    {
      ...{ settings: settings.network, portRules: { order: 'kernel-name', named: [] }, claimed: true },
      peers: () => overlay?.peerAnswers() ?? [],
      onChange: () => overlay?.followUplinks(),
    },
  );
  await policy.apply(settings);
  overlay = await startOverlay(
    await openOverlayPorts(softwareSigner(createPrivateKey(pem)), log),
    overlayConfig(settings),
  );
  const running = overlay;
  const configuration = new Configuration({
    ...{ store, keeper, ...reports, clearWarning: () => {}, byItself: () => {} },
    reachability: {
      tunnels: () =>
        running.tunnels().flatMap(({ hit, establishedAt }) => (establishedAt === null ? [] : [hit])),
      echo: async (hit) =>
        (await runCommand('/bin/busybox', ['ping', '-6', '-c', '2', '-W', '2', hit])).status === 0,
      pageAddresses: () => ['192.0.2.1'],
      answersItself: async () => true,
    },
    apply: async (wanted) => {
      const refused = await policy.apply(wanted);
      await network.reconfigure(wanted.network);
      await running.reconfigure(overlayConfig(wanted));
      const { state, detail } = network.snapshot();
      return state === 'failed' ? (detail ?? 'the network could not be applied') : refused;
    },
    planNetwork: (wanted) => network.plan(wanted.network),
    wait: (milliseconds, signal) => sleep(milliseconds, undefined, { signal }).catch(() => undefined),
    seconds: () => performance.now() / 1000,
  });
  return { network, overlay, configuration };
}

/** A gateway's networks, settings and overlay as the firmware wires them, on the namespace's links instead of ports of a box. */
export async function runBox([name = '']: readonly string[]): Promise<void> {
  let running: Running | undefined;
  for await (const line of createInterface(process.stdin)) {
    const request = JSON.parse(line) as BoxRequest;
    if (request.do === 'start') running = await start(name, request);
    if (running === undefined) throw new Error('the box has not been started');
    const { network, overlay, configuration } = running;
    const tried =
      request.do === 'try'
        ? await configuration.apply(request.layer, {
            ...{ author: 'test', seconds: request.seconds, automatic: true },
          })
        : null;
    const [view, history] = [configuration.read(), configuration.history()];
    const answer: BoxAnswer = {
      tunnels: overlay.tunnels(),
      network: network.snapshot(),
      trial: view.ok ? (view.value.trial?.revision ?? null) : null,
      outcomes: history.ok ? history.value.map(({ outcome }) => outcome) : [],
      refused: tried?.ok === false ? tried.detail : null,
    };
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  process.exit(0);
}
