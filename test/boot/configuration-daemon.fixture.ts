// Runs in a network namespace: settings on disk, trials, and the network room with the real system; the way to the
// provider stands for the tunnel to a peer.
import { createInterface } from 'node:readline';
import { Configuration } from '../../firmware/boot/configuration.ts';
import { SettingsKeeper } from '../../firmware/boot/settings-keeper.ts';
import { startNetwork } from '../../firmware/netd/netd.ts';
import { openSettingsStore } from '../../firmware/store/open-store.ts';
import type { SettingsLayer } from '../../firmware/store/settings-schema.ts';
import { createNetworkSystem } from '../../firmware/system/network-system.ts';
import { runCommand } from '../../firmware/system/run-command.ts';
import { storeFiles } from '../../firmware/system/store-files.ts';

export type ConfigurationRequest =
  | { do: 'apply'; layer: SettingsLayer; seconds: number; automatic: boolean }
  | { do: 'confirm' }
  | { do: 'read' };
export type ConfigurationAnswer = {
  ok: boolean;
  detail: string | null;
  revision: number | null;
  onTrial: number | null;
  outcomes: string[];
};

const [folder = '', peerHit = '', peerAddress = ''] = process.argv.slice(2);
const log = (level: string, message: string) => void process.stderr.write(`${level} ${message}\n`);
const { store } = await openSettingsStore(folder, { files: storeFiles, now: () => new Date().toISOString() });
const keeper = new SettingsKeeper(store, {}, { log, warn: ({ message }) => log('warning', message) });
const nics = ['eth0', 'eth1'].map((kernelName) => ({
  ...{ kernelName, devicePath: null, devicePort: 0, mac: null, driver: 'veth' },
}));
const network = await startNetwork(
  { ...createNetworkSystem({ log, runFolder: `${folder}/run` }), listNics: () => nics },
  { settings: keeper.inForce().network, portRules: { order: 'kernel-name', named: [] }, claimed: true },
);
const configuration = new Configuration({
  ...{ store, keeper, log, warn: () => {}, clearWarning: () => {}, byItself: () => {} },
  reachability: {
    tunnels: () => [peerHit],
    echo: async () => {
      const { status } = await runCommand('/bin/busybox', ['ping', '-c', '1', '-W', '1', peerAddress]);
      return status === 0;
    },
    pageAddresses: () => ['192.168.1.1'],
    answersItself: async () => true,
  },
  apply: async (settings) => {
    await network.reconfigure(settings.network);
    const { state, detail } = network.snapshot();
    return state === 'failed' ? (detail ?? 'failed') : null;
  },
  planNetwork: (settings) => network.plan(settings.network),
  wait: (milliseconds, signal) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    }),
  seconds: () => performance.now() / 1000,
});

async function answer(request: ConfigurationRequest): Promise<ConfigurationAnswer> {
  const result =
    request.do === 'apply'
      ? await configuration.apply(request.layer, { ...request, author: 'test' })
      : request.do === 'confirm'
        ? await configuration.confirm(false)
        : configuration.read();
  const [view, history] = [configuration.read(), configuration.history()];
  return {
    ok: result.ok,
    detail: result.ok ? null : result.detail,
    revision: view.ok ? (view.value.revision?.id ?? null) : null,
    onTrial: view.ok ? (view.value.trial?.revision ?? null) : null,
    outcomes: history.ok ? history.value.map(({ outcome }) => outcome) : [],
  };
}

process.stdout.write(`${JSON.stringify(await answer({ do: 'read' }))}\n`);
for await (const line of createInterface(process.stdin))
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line) as ConfigurationRequest))}\n`);
process.exit(0);
