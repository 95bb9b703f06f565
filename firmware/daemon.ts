import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { boardProfiles, profileNamed } from './boot/board-profiles.ts';
import { limits as bootLimits } from './boot/limits.ts';
import { detectPlatform } from './boot/platform/detect.ts';
import type { BootPorts, Page } from './boot/ports.ts';
import { startGateway } from './boot/sequence.ts';
import { listVolumeLabels } from './boot/settings-disc.ts';
import { FlowStore } from './store/flow-store.ts';
import { limits as settingsLimits } from './store/limits.ts';
import { openSettingsStore } from './store/open-store.ts';
import { certificateKeys } from './system/certificate-keys.ts';
import { openSlotSystem } from './system/esp.ts';
import { openWebListeners } from './system/https-server.ts';
import { imageVersion, isDevelopmentImage } from './system/image-version.ts';
import { collectInventory } from './system/inventory.ts';
import { followKernelMessages } from './system/kernel-messages.ts';
import { callLocalApi, localSocketPath } from './system/local-api.ts';
import { openLogRing } from './system/log-ring.ts';
import { logTransport } from './system/log-transport.ts';
import { readKernelRelease, readMemory, readUptimeSeconds } from './system/machine-status.ts';
import { metadataHttp } from './system/metadata-http.ts';
import { createNetworkSystem } from './system/network-system.ts';
import { openFactFiles } from './system/platform-facts.ts';
import { runCommand } from './system/run-command.ts';
import { secretFiles } from './system/secret-files.ts';
import { storeFiles } from './system/store-files.ts';
import { openDriverSystem } from './system/sysfs-devices.ts';
import { readToken } from './system/verdict-token.ts';
import { openDiscSystem } from './system/volumes.ts';
import { Watchdog } from './system/watchdog.ts';
import type { Attestation } from './webui/api/attestation-route.ts';
import { consoleScreen } from './webui/console-screen.ts';
import { loadPageFiles } from './webui/server/assets.ts';
import { startWebUi } from './webui/server/start-web-ui.ts';

const runFolder = '/run/hithe';
const stateFolder = '/state';
const secretsFolder = `${stateFolder}/secrets`;
const secrets = secretFiles(secretsFolder);

/** Wires the operating system to the rooms and runs the gateway until the process is told to end. */
export async function runDaemon(): Promise<void> {
  const ring = openLogRing(`${runFolder}/log.jsonl`);
  const { log } = ring;
  const [uptime, sinceStart] = [readUptimeSeconds(), performance.now()];
  log(
    'info',
    'runtime',
    `Started ${uptime.toFixed(1)} s after the kernel, ${sinceStart.toFixed(0)} ms of it in Node`,
  );
  reportLastEnd(log);
  const stopKernelMessages = followKernelMessages(log, { positionPath: `${runFolder}/kernel-position` });
  const watchdog = new Watchdog();
  const discs = openDiscSystem();

  const ports: BootPorts = {
    log,
    detectPlatform: () => detectPlatform(openFactFiles(), boardProfiles(), listVolumeLabels(discs)),
    image: async () => ({
      version: imageVersion(),
      kernel: readKernelRelease(),
      bundleSha256: ownHash(),
      development: isDevelopmentImage(),
    }),
    slots: openSlotSystem(),
    drivers: openDriverSystem(),
    discs,
    metadata: metadataHttp({
      timeoutMs: bootLimits.metadataTimeoutMs,
      maxOctets: settingsLimits.documentSize,
    }),
    network: createNetworkSystem({ log: (level, message) => log(level, 'network', message), runFolder }),
    openStore: () =>
      openSettingsStore(stateFolder, { files: storeFiles, now: () => new Date().toISOString() }),
    ready: async (what) => {
      // Init's work beside the runtime always ends by making this file; polling a memory file system costs nothing.
      while (!existsSync(`${runFolder}/${what}-ready`)) await sleep(50);
    },
    stateMebibytes: () => {
      const { blocks, bsize } = statfsSync(stateFolder);
      return Math.round((blocks * bsize) / 1024 / 1024);
    },
    readToken,
    listenForNames: async (link, onMessage) => {
      const { listenForNames } = await import('./system/multicast-dns.ts');
      return listenForNames(link, onMessage);
    },
    seenDevicesFile: `${stateFolder}/seen-devices.json`,
    stateProblem: () => readOr(`${runFolder}/state-problem`, null)?.trim() ?? null,
    openPage: async ({
      hostname,
      readStatus,
      interfaces,
      onClaimed,
      replaceIdentity,
      configuration,
      policy,
      flows,
      learning,
      alarms,
      metrics,
    }) => {
      const web = await startWebUi(
        {
          hostname,
          readStatus,
          log: ring,
          writeLog: (level, message) => log(level, 'page', message),
          secrets,
          keys: certificateKeys,
          random: (length) => new Uint8Array(randomBytes(length)),
          now: () => Date.now(),
          openListeners: openWebListeners,
          replaceIdentity,
          attestation: attestationOf(),
          configuration,
          policy,
          flows,
          learning,
          alarms,
          metrics,
        },
        {
          page: await loadPageFiles(),
          httpsPort: 443,
          httpPort: 80,
          localSocket: localSocketPath,
          interfaces,
          onClaimed,
        },
      );
      const page: Page = {
        fingerprint: web.fingerprint,
        addresses: () => web.addresses(),
        claimCode: () => web.claim.code(),
        claimed: () => web.claim.claimed(),
        setInterfaces: (next) => web.setInterfaces(next),
        close: () => web.close(),
      };
      return page;
    },
    logTransport: logTransport(),
    timestamp: (milliseconds) => new Date(milliseconds).toISOString(),
    flows: {
      openKernel: async () => (await import('./system/flow-sockets.ts')).openFlowSockets(),
      openStore: (bounds, warn) =>
        FlowStore.open(stateFolder, bounds, {
          ...{ files: storeFiles, now: () => Date.now(), warn },
          pause: async () => void (await nextTurn()),
        }),
    },
    identity: identityOf(log),
    echo: async (hit) => {
      const { status } = await runCommand('/bin/busybox', ['ping', '-6', '-c', '2', '-W', '2', hit], {
        timeoutMs: 5000,
      });
      return status === 0;
    },
    measureRuntime: runtimeMeasurer(),
    tpmVisible: () => existsSync('/dev/tpmrm0'),
    readTpm: async () => {
      const { readTpmStatus } = await import('./boot/tpm-status.ts');
      const { openTpmDevice } = await import('./system/tpm-device.ts');
      const { tpmCryptography } = await import('./system/tpm-cryptography.ts');
      return readTpmStatus({
        openTpm: () => openTpmDevice(),
        cryptography: tpmCryptography,
        random: (octets) => new Uint8Array(randomBytes(octets)),
        now: () => performance.now(),
        wait: (milliseconds) => sleep(milliseconds),
      });
    },
    collectInventory: () => collectInventory(),
    memory: readMemory,
    wallClock: () => Date.now(),
    uptimeSeconds: readUptimeSeconds,
    setHostname: async (name) => writeFileSync('/proc/sys/kernel/hostname', name),
    showConsole: consoleWriter(log),
    answersItself: async () => (await callLocalApi({ path: '/api/v1/status', timeoutMs: 10_000 })).ok,
    watchdog: {
      open: () => watchdog.open(),
      feed: () => watchdog.feed(),
      disarm: async () => watchdog.disarm(),
    },
    wait: (milliseconds, signal) => sleep(milliseconds, undefined, { signal }).catch(() => undefined),
  };

  const gateway = await startGateway(ports);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  log('info', 'boot', 'The runtime was told to end');
  await gateway.close();
  stopKernelMessages();
  process.exit(0);
}

/** The identity, and the overlay that speaks in its name. Both are loaded when they are needed: the page comes first. */
function identityOf(log: Log): BootPorts['identity'] {
  const ports = async () => {
    const { openIdentityPorts } = await import('./system/identity-system.ts');
    const { openTpmDevice } = await import('./system/tpm-device.ts');
    return openIdentityPorts({
      ...{ secretsFolder, runFolder, developmentImage: isDevelopmentImage() },
      openTpm: () => openTpmDevice(),
    });
  };
  const overlayParts = async () => ({
    ...(await import('./system/overlay-system.ts')),
    ...(await import('./netd/overlay/overlay.ts')),
    ...(await import('./netd/overlay/kernel-preparation.ts')),
  });
  /** For the next overlay: one that closes takes away what it was made for. */
  let kernelPrepared: Promise<void> | undefined;
  /** One after the other: an identity that could not be opened may be tried again while the kernel is still at it. */
  const prepareAfter = async (before: Promise<void> | undefined): Promise<void> => {
    await Promise.allSettled([before]);
    await (await overlayParts()).prepareKernel(runCommand);
  };
  return {
    async open(settings) {
      const { openIdentity } = await import('./boot/identity/identity.ts');
      const opening = openIdentity(await ports(), settings);
      // What is done while the TPM works is not waited for afterwards. A failure is told by the overlay's start.
      kernelPrepared = prepareAfter(kernelPrepared);
      kernelPrepared.catch(() => undefined);
      return opening;
    },
    replace: async (settings) =>
      (await import('./boot/identity/identity.ts')).replaceIdentity(await ports(), settings),
    startOverlay: async (key, settings) => {
      const { signerOf } = await import('./system/identity-system.ts');
      const { openOverlayPorts, overlayConfig, startOverlay } = await overlayParts();
      const overlayLog = (level: Parameters<Log>[0], message: string) => log(level, 'overlay', message);
      const overlayPorts = await openOverlayPorts(signerOf(key), overlayLog);
      const prepared = kernelPrepared;
      kernelPrepared = undefined;
      const overlay = await startOverlay(overlayPorts, overlayConfig(settings), { prepared });
      return {
        tunnels: () => overlay.tunnels(),
        strayDatagrams: () => overlay.strayDatagrams(),
        peerAnswers: () => overlay.peerAnswers(),
        followUplinks: () => overlay.followUplinks(),
        reconfigure: (next) => overlay.reconfigure(overlayConfig(next)),
        close: () => overlay.close(),
      };
    },
  };
}

/** Evidence for whoever asks, loaded when somebody does. */
function attestationOf(): Attestation {
  const opened = async () => {
    const { openAttestation } = await import('./system/attestation-system.ts');
    return openAttestation({ runFolder, stateFolder });
  };
  let attestation: ReturnType<typeof opened> | undefined;
  const loaded = () => {
    attestation ??= opened();
    return attestation;
  };
  return {
    evidence: async (nonce) => (await loaded()).evidence(nonce),
    activate: async (challenge) => (await loaded()).activate(challenge),
    measuredBoot: async () => (await loaded()).measuredBoot(),
  };
}

/** Measures into the TPM: this program, the board profile that it chose, the settings in force. */
function runtimeMeasurer(): BootPorts['measureRuntime'] {
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  const opened = async () => {
    const { RuntimeMeasurements } = await import('./boot/runtime-measurements.ts');
    const { openRuntimeLog } = await import('./system/attestation-system.ts');
    const { openTpmDevice } = await import('./system/tpm-device.ts');
    const { tpmCryptography } = await import('./system/tpm-cryptography.ts');
    return new RuntimeMeasurements({
      openTpm: () => openTpmDevice(),
      cryptography: tpmCryptography,
      wait: async (milliseconds) => {
        await sleep(milliseconds);
      },
      log: openRuntimeLog(runFolder),
    });
  };
  let measurements: ReturnType<typeof opened> | undefined;
  return async ({ boardProfile, settings }) => {
    const bundle = ownHash();
    if (bundle === null) return 'the program’s own file cannot be read';
    measurements ??= opened();
    return (await measurements).measure([
      { subject: 'bundle', sha256: bundle },
      { subject: 'board-profile', sha256: sha256(JSON.stringify(boardProfile)) },
      { subject: 'settings', sha256: sha256(JSON.stringify(settings)) },
    ]);
  };
}

type Log = ReturnType<typeof openLogRing>['log'];

/** Draws the status screen on the serial console (through serialport, at the board's rate) and on the VGA console. */
function consoleWriter(log: Log): BootPorts['showConsole'] {
  let shown = '';
  return async (facts, page, profileName) => {
    const screen = consoleScreen({
      status: facts,
      addresses: page?.addresses() ?? [],
      fingerprint: page?.fingerprint ?? null,
      claimCode: page?.claimCode() ?? null,
    });
    if (screen === shown) return;
    shown = screen;
    if (existsSync('/dev/tty1'))
      appendFileSync('/dev/tty1', `\x1b[2J\x1b[H${screen.replaceAll('\n', '\r\n')}`);
    const { writeConsoleScreen } = await import('./system/serial-console.ts');
    const written = await writeConsoleScreen(screen, profileNamed(profileName).consoles);
    if (written.state === 'failed') log('info', 'console', written.reason);
  };
}

/** What /usr/libexec/hithe-runtime left of a runtime that ended by itself. */
function reportLastEnd(log: Log): void {
  const path = `${runFolder}/last-end`;
  const text = readOr(path, null);
  if (text === null) return;
  for (const line of text.split('\n').filter((part) => part !== '')) log('error', 'runtime', line);
  rmSync(path, { force: true });
}

let ownSha256: string | null = null;

/** Of this program's file, which lies on a root that nobody changes: once is enough. */
function ownHash(): string | null {
  try {
    ownSha256 ??= createHash('sha256')
      .update(readFileSync(process.argv[1] ?? ''))
      .digest('hex');
  } catch {
    // It is asked for again, and said then.
  }
  return ownSha256;
}

function readOr<T>(path: string, otherwise: T): string | T {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}
