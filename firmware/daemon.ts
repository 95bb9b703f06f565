import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Backups } from './boot/backups.ts';
import { boardProfiles } from './boot/board-profiles.ts';
import { limits as bootLimits } from './boot/limits.ts';
import { detectPlatform } from './boot/platform/detect.ts';
import type { BootPorts, Page } from './boot/ports.ts';
import { startGateway } from './boot/sequence.ts';
import { listVolumeLabels } from './boot/settings-disc.ts';
import { Diagnosis } from './diagnosis/diagnosis.ts';
import { SecurityKeyReader } from './security-key/security-key-reader.ts';
import { FlowStore } from './store/flow-store.ts';
import { limits as settingsLimits } from './store/limits.ts';
import { openSettingsStore } from './store/open-store.ts';
import { readApiDocument } from './system/api-document.ts';
import { backupSeal } from './system/backup-seal.ts';
import { certificateKeys } from './system/certificate-keys.ts';
import { derivePassword } from './system/derive-password.ts';
import { diagnosisSystem } from './system/diagnosis-system.ts';
import { openSlotSystem } from './system/esp.ts';
import { hidPanelSystem } from './system/hid-panel.ts';
import { hidSecurityKeys } from './system/hid-security-keys.ts';
import { openWebListeners } from './system/https-server.ts';
import { imageVersion, isDevelopmentImage } from './system/image-version.ts';
import { collectInventory } from './system/inventory.ts';
import { followKernelMessages } from './system/kernel-messages.ts';
import { keyCryptography } from './system/key-cryptography.ts';
import { callLocalApi, localSocketPath } from './system/local-api.ts';
import { openLogRing } from './system/log-ring.ts';
import { logTransport } from './system/log-transport.ts';
import { machinePower } from './system/machine-power.ts';
import { readKernelRelease, readMemory, readUptimeSeconds } from './system/machine-status.ts';
import { metadataHttp } from './system/metadata-http.ts';
import { createNetworkSystem } from './system/network-system.ts';
import { openFactFiles } from './system/platform-facts.ts';
import { resetFiles } from './system/reset-files.ts';
import { runCommand } from './system/run-command.ts';
import { ownHash, runtimeMeasurer } from './system/runtime-measurer.ts';
import { secretFiles } from './system/secret-files.ts';
import { sha256 } from './system/sha256.ts';
import { simPinFile } from './system/sim-pin-file.ts';
import { storeFiles } from './system/store-files.ts';
import { openDriverSystem } from './system/sysfs-devices.ts';
import { quietenKernel, terminalSystem } from './system/terminals.ts';
import { readToken } from './system/verdict-token.ts';
import { openDiscSystem } from './system/volumes.ts';
import { Watchdog } from './system/watchdog.ts';
import type { Attestation } from './webui/api/attestation-route.ts';
import type { AuditLog } from './webui/ports.ts';
import { loadPageFiles } from './webui/server/assets.ts';
import { startWebUi } from './webui/server/start-web-ui.ts';

const runFolder = '/run/hithe';
const stateFolder = '/state';
const secretsFolder = `${stateFolder}/secrets`;
const secrets = secretFiles(secretsFolder);
const stateProblem = () => readOr(`${runFolder}/state-problem`, null)?.trim() ?? null;

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
  quietenKernel();
  /** Redraws the consoles, once there are any. */
  let kernelWrote = (): void => undefined;
  const kernelLog: Log = (...entry) => {
    log(...entry);
    kernelWrote();
  };
  const stopKernelMessages = followKernelMessages(kernelLog, {
    positionPath: `${runFolder}/kernel-position`,
  });
  const watchdog = new Watchdog();
  const discs = openDiscSystem();
  const attestation = attestationOf();
  const audit = auditOf(log);

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
    network: createNetworkSystem({
      log: (level, message) => log(level, 'network', message),
      runFolder,
      simPins: simPinFile(secrets, stateProblem),
    }),
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
    openNameSocket: async (link, onMessage) => {
      const { openNameSocket } = await import('./system/name-socket.ts');
      return openNameSocket(link, onMessage);
    },
    chance: () => Math.random(),
    seenDevicesFile: `${stateFolder}/seen-devices.json`,
    stateProblem,
    openPage: async ({
      hostname,
      readStatus,
      interfaces,
      onClaimed,
      replaceIdentity,
      factoryReset,
      presence,
      configuration,
      policy,
      flows,
      associations,
      learning,
      devices,
      alarms,
      metrics,
    }) => {
      const diagnosis = new Diagnosis({
        explain: (query) => policy.explain(query),
        status: readStatus,
        ...diagnosisSystem(runFolder),
      });
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
          elapsed: () => performance.now(),
          derivePassword,
          sha256,
          securityKeys: new SecurityKeyReader({
            ...{ system: hidSecurityKeys, cryptography: keyCryptography },
            random: (octets) => new Uint8Array(randomBytes(octets)),
            elapsed: () => performance.now(),
            wait: (milliseconds, signal) => sleep(milliseconds, undefined, { signal }).catch(() => undefined),
          }),
          readApiDocument,
          audit,
          openListeners: openWebListeners,
          replaceIdentity,
          factoryReset,
          presence,
          attestation,
          configuration,
          policy,
          flows,
          associations,
          learning,
          devices,
          alarms,
          metrics,
          backups: new Backups({
            ...{ configuration, seal: backupSeal, now: () => new Date().toISOString() },
            origin: () => ({ hostname: hostname(), product: imageVersion() }),
          }),
          diagnostics: diagnosis,
          support: async () => {
            const { makeSupportBundle } = await import('./support/bundle.ts');
            const { openSupportPorts } = await import('./system/support-system.ts');
            return makeSupportBundle(openSupportPorts({ secretsFolder, socketPath: localSocketPath }));
          },
          restart: () => {
            log('info', 'boot', 'The box was told to restart');
            machinePower.restartSoon((reason) => log('error', 'boot', `The box cannot restart: ${reason}`));
          },
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
        offerRecovery: () => web.offerRecovery(),
        setInterfaces: (next) => web.setInterfaces(next),
        close: async () => {
          await diagnosis.close();
          await web.close();
        },
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
    measureRuntime: runtimeMeasurer(runFolder),
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
    panels: hidPanelSystem,
    terminals: terminalSystem((listener) => {
      kernelWrote = listener;
    }),
    audit,
    measuredBoot: () => attestation.measuredBoot(),
    resetFiles: resetFiles(stateFolder),
    machine: machinePower,
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
        renew: (hit) => overlay.renew(hit),
        reconfigure: (next) => overlay.reconfigure(overlayConfig(next)),
        close: () => overlay.close(),
      };
    },
  };
}

/** Opened at the first act: nothing at boot waits for it. */
function auditOf(log: Log): AuditLog {
  const opened = async () => {
    const { AuditStore } = await import('./store/audit-store.ts');
    return AuditStore.open(stateFolder, {
      ...{ files: storeFiles, now: () => Date.now() },
      warn: ({ message, advice }) => log('warning', 'audit', `${message} ${advice}`),
    });
  };
  let store: ReturnType<typeof opened> | undefined;
  const loaded = () => {
    store ??= opened();
    return store;
  };
  return {
    add: (entry) =>
      void loaded()
        .then((audit) => audit.add(entry))
        .then((added) => {
          if (!added.ok) log('error', 'audit', `An act could not be kept: ${added.error.message}`);
        }),
    page: async (options) => {
      const page = (await loaded()).page(options);
      if (page.ok) return page.value;
      log('error', 'audit', `The audit cannot be read: ${page.error.message}`);
      return null;
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

type Log = ReturnType<typeof openLogRing>['log'];

/** What /usr/libexec/hithe-runtime left of a runtime that ended by itself. */
function reportLastEnd(log: Log): void {
  const path = `${runFolder}/last-end`;
  const text = readOr(path, null);
  if (text === null) return;
  for (const line of text.split('\n').filter((part) => part !== '')) log('error', 'runtime', line);
  rmSync(path, { force: true });
}

function readOr<T>(path: string, otherwise: T): string | T {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}
