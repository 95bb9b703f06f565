import { HostNames } from '../netd/names/host-names.ts';
import { type Network, startNetwork } from '../netd/netd.ts';
import type { Settings } from '../store/settings-schema.ts';
import type { Status } from '../webui/api/status-schema.ts';
import type { PageInterface } from '../webui/page-addresses.ts';
import { profileNamed } from './board-profiles.ts';
import { Configuration } from './configuration.ts';
import { ConsoleServices } from './console-services.ts';
import { diagnosticsWarnings } from './diagnostics.ts';
import { loadDrivers, loadOverlayModules } from './drivers.ts';
import { endFactoryReset } from './factory-reset.ts';
import { FlowKeeper } from './flow-keeper.ts';
import { FlowServices } from './flow-services.ts';
import { keepHealthy } from './health.ts';
import { IdentityKeeper } from './identity/keeper.ts';
import { fetchUserData, hasMetadataService } from './platform/metadata.ts';
import { PolicyKeeper } from './policy-keeper.ts';
import type { BootPorts, Page } from './ports.ts';
import { SettingsDiscs } from './settings-disc.ts';
import { SettingsKeeper } from './settings-keeper.ts';
import { readSlotState } from './slots.ts';
import { StatusBoard, type StatusFacts } from './status-board.ts';
import { tunnelsCarry } from './tunnels-first.ts';

/** Counters on the page are at most this old while somebody looks. */
const counterAgeMs = 2_000;

const unknownNetwork: Status['network'] = { state: 'applying', detail: null, interfaces: [] };

/** A gateway that runs until it is closed. */
export interface Gateway {
  readonly board: StatusBoard;
  close(): Promise<void>;
}

/**
 * Brings the gateway up in the order that serves a person who waits: platform, settings, network, page; then identity
 * and overlay, drivers' report, TPM, inventory; health marks the slot good. A step that fails leaves a warning on the
 * page and the others go on.
 */
export async function startGateway(ports: BootPorts): Promise<Gateway> {
  const stop = new AbortController();
  const platform = ports.detectPlatform();
  const profile = profileNamed(platform.boardProfile);
  ports.log(
    'info',
    'boot',
    `Platform ${platform.platform}, board profile ${profile.name}, decided by ${platform.decidedBy}`,
  );
  const { slot, rootHash } = readSlotState(ports.slots);

  let network: Network | null = null;
  let page: Page | null = null;
  let settings: Settings;

  /** The measurement that is under way, or the last one. */
  let measured: Promise<void> = Promise.resolve();
  const warnings: Pick<StatusBoard, 'warn' | 'clearWarning'> = {
    warn: (warning) => board.warn(warning),
    clearWarning: (code) => board.clearWarning(code),
  };
  const identity = new IdentityKeeper({
    ...ports.identity,
    // The overlay works by the settings, so it waits until they are measured; opening the identity takes as long.
    startOverlay: async (key, wanted) => {
      await measured;
      return ports.identity.startOverlay(key, wanted);
    },
    ...warnings,
    log: (level, message) => ports.log(level, 'identity', message),
  });
  const board = new StatusBoard(
    {
      ...{ hostname: 'hithe', conductor: null },
      image: { ...(await ports.image()), slot, rootHash },
      platform,
      tpm: { state: 'pending' },
      devices: [],
      inventory: null,
    },
    {
      uptimeSeconds: ports.uptimeSeconds,
      memory: ports.memory,
      trial: () => configuration.trial(),
      network: () => network?.snapshot() ?? unknownNetwork,
      identity: () => identity.status(),
      tunnels: () => identity.tunnels(),
      strayDatagrams: () => identity.strayDatagrams(),
      alarms: () => services.alarms.active().map(({ kind, raisedAt }) => ({ kind, raisedAt })),
    },
  );
  const background = (name: string, work: Promise<unknown>): void => {
    work.catch((error: unknown) =>
      ports.log('error', name, error instanceof Error ? error.message : String(error)),
    );
  };

  await ports.ready('state');
  ports.log('info', 'boot', `State: ${ports.stateMebibytes()} MiB`);
  const problem = ports.stateProblem();
  if (problem !== null) {
    board.warn({
      code: 'STATE_NOT_KEPT',
      message: `Nothing is kept over a restart: ${problem}.`,
      advice: 'The box runs from memory. Check or replace its disk, or write the image again.',
    });
  }
  await endFactoryReset(ports, (warning) => board.warn(warning));
  const opened = await ports.openStore();
  for (const warning of opened.warnings) board.warn(warning);
  const keeper = new SettingsKeeper(
    opened.store,
    {},
    {
      log: (level, message) => ports.log(level, 'settings', message),
      warn: (warning) => board.warn(warning),
    },
  );
  const configuration = new Configuration({
    store: opened.store,
    keeper,
    reachability: {
      tunnels: () =>
        identity.tunnels().flatMap(({ hit, establishedAt }) => (establishedAt === null ? [] : [hit])),
      echo: ports.echo,
      pageAddresses: () => page?.addresses() ?? [],
      answersItself: ports.answersItself,
    },
    apply: () => applyInForce(),
    planNetwork: async (wanted) => (await network?.plan(wanted.network)) ?? [],
    wait: ports.wait,
    seconds: ports.uptimeSeconds,
    ...warnings,
    log: (level, message) => ports.log(level, 'settings', message),
    byItself: (act, what) => ports.audit.add({ who: 'system', from: null, act, what, outcome: 'done' }),
  });
  const flows = new FlowKeeper({
    ...{ ...ports.flows, stateMebibytes: ports.stateMebibytes, now: ports.wallClock },
    setTimer: ports.network.setTimer,
    pause: () => ports.wait(0, stop.signal),
    interfaces: () => network?.snapshot().interfaces ?? [],
    log: (level, message) => ports.log(level, 'flows', message),
    ...warnings,
  });
  const policy = new PolicyKeeper(
    {
      ...ports.network,
      ...{ now: ports.wallClock, readToken: ports.readToken },
      listenForNames: ports.listenForNames,
      interfaces: () => network?.snapshot().interfaces ?? [],
      inForce: (known) => flows.policyInForce(known),
    },
    {
      platform: platform.platform,
      ...warnings,
      seenDevicesFile: ports.seenDevicesFile,
    },
  );
  const services = new FlowServices({
    ...{ ports, board, flows, policy, configuration },
    settings: () => settings,
    signal: stop.signal,
  });
  const names = new HostNames({
    ...{ setTimer: ports.network.setTimer, monotonic: ports.network.monotonic, random: ports.chance },
    openSocket: ports.openNameSocket,
    log: (level, message) => ports.log(level, 'names', message),
  });
  const discs = new SettingsDiscs(ports.discs, { onAzure: platform.platform === 'azure' });
  // Whether the box is claimed is the page's to know, which is not up yet; a disc that is in from the start waits for it.
  settings = keeper.inForce();
  board.set({ hostname: settings.hostname, conductor: settings.conductor?.uri ?? null });
  background('boot', ports.setHostname(settings.hostname));

  /** Interfaces as the page sees them; a port that comes or goes moves it. */
  let interfacesSeen = '';
  const follow = async (): Promise<void> => {
    if (network === null || page === null) return;
    const { interfaces } = network.snapshot();
    const { hostname } = settings;
    const seen = JSON.stringify([
      hostname,
      ...interfaces.map(({ kernelName, role, addresses }) => [kernelName, role, addresses]),
    ]);
    if (seen === interfacesSeen) return;
    interfacesSeen = seen;
    flows.addressesChanged();
    await page.setInterfaces(interfaces);
    console.update();
    // Not on the underlay, where nothing tells that the box is there.
    const inner = interfaces.filter(({ role }) => role === 'lan' || role === 'management');
    await names.follow(inner, hostname);
  };

  const console = new ConsoleServices({
    ...{ ports, board, profile, configuration, identity },
    ...{ page: () => page, settings: () => settings },
  });

  let countersAt = Number.NEGATIVE_INFINITY;
  const readStatus = (): StatusFacts => {
    const now = ports.uptimeSeconds() * 1000;
    if (now - countersAt > counterAgeMs) {
      countersAt = now;
      if (network) background('network', network.refresh());
    }
    return board.read();
  };

  /** Before anything works by the settings, so that nothing does so unseen. */
  const measureNow = async (): Promise<void> => {
    const reason = await ports.measureRuntime({ boardProfile: profile, settings });
    if (reason === null) return;
    board.warn({
      code: 'NOT_MEASURED',
      message: `What the runtime works by was not measured: ${reason}.`,
      advice: 'Evidence of this box will not be accepted until it is restarted.',
    });
  };
  const measure = (): Promise<void> => {
    measured = measureNow();
    return measured;
  };
  const warnOfDiagnostics = (): void => {
    const { on, over } = diagnosticsWarnings(settings);
    for (const warning of on) board.warn(warning);
    for (const code of over) board.clearWarning(code);
  };
  /** Opening the records waits until tunnels carry. */
  let recordsFlows = false;
  const applyFlows = async (): Promise<void> => {
    await flows.apply(settings.flows);
    await services.apply(settings);
  };
  /** Puts the settings that are in force now into effect; resolves with what went wrong, or null. */
  const applyInForce = async (): Promise<string | null> => {
    if (network === null) return 'the box is still starting';
    settings = keeper.inForce();
    await measure();
    warnOfDiagnostics();
    board.set({ hostname: settings.hostname, conductor: settings.conductor?.uri ?? null });
    await ports.setHostname(settings.hostname);
    // First what is denied now, then the ways.
    const refused = await policy.apply(settings);
    await network.reconfigure(settings.network);
    await identity.apply(settings);
    if (recordsFlows) background('flows', applyFlows());
    await follow();
    const { state, detail } = network.snapshot();
    return state === 'failed' ? (detail ?? 'the network could not be applied') : refused;
  };

  // The page prepares (keys, certificate) while the network comes up: most of both is waiting for other programs.
  const preparedPage = ports.openPage({
    hostname: () => settings.hostname,
    readStatus,
    interfaces: plannedInterfaces(settings),
    onClaimed: () => {
      if (network) background('network', network.setClaimed(true));
      console.update();
    },
    replaceIdentity: (hit) => identity.replace(hit),
    ...{ factoryReset: console.factoryReset, presence: console.panel },
    configuration,
    policy,
    learning: services.learning,
    devices: services.devices,
    alarms: services.alarms,
    metrics: services.metrics,
    flows,
    associations: identity,
  });
  // Its failure is told where it is awaited.
  preparedPage.catch(() => undefined);
  await ports.ready('drivers');
  network = await startNetwork(ports.network, {
    settings: settings.network,
    portRules: profile.ports,
    claimed: false,
    peers: () => identity.peerAnswers(),
    onChange: () => {
      identity.followUplinks();
      background('page', follow());
    },
  });
  const openNetwork = network;
  // Until it is in force nothing is forwarded.
  background('policy', policy.apply(settings));

  page = await preparedPage;
  await page.setInterfaces(network.snapshot().interfaces);
  const openPage = page;
  ports.log('info', 'boot', `The page is up ${ports.uptimeSeconds().toFixed(1)} s after the kernel started`);
  if (openPage.claimed()) await network.setClaimed(true);

  const takeDisc = async (result: Parameters<SettingsKeeper['takeDisc']>[0]): Promise<void> => {
    if (!keeper.takeDisc(result, openPage.claimed())) return;
    configuration.supersede('a settings disc was put in');
    await applyInForce();
  };

  /** What the cloud's metadata service has for the box; a disc that somebody attached goes before it. */
  const takeUserData = async (): Promise<void> => {
    const { platform: name, dataSource } = platform;
    const onDisc = dataSource === 'nocloud' || dataSource === 'configdrive';
    if (onDisc || openPage.claimed() || !hasMetadataService(name)) return;
    const found = await fetchUserData(name, {
      ...{ http: ports.metadata, wait: ports.wait, signal: stop.signal },
      log: (level, message) => ports.log(level, 'metadata', message),
    });
    if (found.state === 'failed') {
      board.warn({
        code: 'NO_METADATA',
        message: `The metadata service of ${name} gives no user-data: ${found.reason}.`,
        advice: 'The box works by the settings that it has. Check the instance’s metadata options.',
      });
    }
    if (found.state !== 'found' || !keeper.takeUserData(found.octets, name, openPage.claimed())) return;
    configuration.supersede('the instance’s user-data came');
    await applyInForce();
  };

  console.open();
  background('health', keepHealthy(ports, board, stop.signal));

  const rest = async (): Promise<void> => {
    const driversFirst = ports.tpmVisible() ? null : await loadDrivers(ports.drivers, profile);
    background('drivers', loadOverlayModules(ports.drivers));
    if (keeper.takeDisc(await discs.look(), openPage.claimed())) {
      await applyInForce();
    } else {
      warnOfDiagnostics();
      await Promise.all([measure(), identity.apply(settings)]);
    }
    background('settings', discs.watch({ onDisc: takeDisc, signal: stop.signal }));
    background('metadata', takeUserData());

    // What is left takes a small box seconds: more drivers' self-tests, a quote of the TPM, the hardware's inventory.
    await tunnelsCarry({ ...ports, tunnels: () => identity.tunnels() }, stop.signal);
    recordsFlows = true;
    background('flows', applyFlows());
    background('alarms', services.watch());
    const { devices, failure } = driversFirst ?? (await loadDrivers(ports.drivers, profile));
    board.set({ devices });
    if (failure !== null) ports.log('warning', 'drivers', failure);
    // Its driver is among those: the health loop feeds it from here on.
    ports.log('info', 'watchdog', await ports.watchdog.open());
    await openNetwork.refresh();
    await follow();

    board.set({ tpm: await ports.readTpm() });
    const { inventory, notes } = await ports.collectInventory();
    board.set({ inventory });
    for (const note of notes) ports.log('info', 'inventory', note);
    await console.lookAtBoot();
  };
  background('boot', rest());
  // Ports without events of their own (a bridge that gets its address) are seen by looking.
  const look = async (): Promise<void> => {
    await follow();
    console.update();
  };
  background('page', repeat(ports, stop.signal, counterAgeMs, look));

  return {
    board,
    async close() {
      stop.abort();
      await console.close();
      await names.close();
      await configuration.close();
      await services.close();
      await flows.close();
      await policy.close();
      await identity.close();
      await openPage.close();
      await openNetwork.close();
      opened.store.close();
      await ports.watchdog.disarm();
    },
  };
}

/** Where the page will be by the settings, before the kernel has the addresses: they go into its certificate. */
function plannedInterfaces({ network: { lan, management } }: Settings): PageInterface[] {
  return [
    { role: 'lan', kernelName: 'br-lan', addresses: [lan.address] },
    { role: 'management', kernelName: 'br-mgmt', addresses: [management.address] },
  ];
}

async function repeat(
  ports: BootPorts,
  signal: AbortSignal,
  intervalMs: number,
  work: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    await ports.wait(intervalMs, signal);
    if (!signal.aborted) await work();
  }
}
