import { boardProfiles, profileNamed } from '../boot/board-profiles.ts';
import { detectPlatform } from '../boot/platform/detect.ts';
import { StatusBoard } from '../boot/status-board.ts';
import { settingsInForce } from '../store/settings-layers.ts';
import { certificateKeys } from '../system/certificate-keys.ts';
import { openFactFiles } from '../system/platform-facts.ts';
import { sha256 } from '../system/sha256.ts';
import type { Configuration } from '../webui/api/config-route.ts';
import type { DeviceChanges } from '../webui/api/devices-route.ts';
import type { Diagnostics } from '../webui/api/diagnostics-route.ts';
import type { FlowsView } from '../webui/api/flows-route.ts';
import type { PolicyLearning } from '../webui/api/learn-route.ts';
import type { PolicyView } from '../webui/api/policy-route.ts';
import type { WebHandler } from '../webui/ports.ts';
import { loadPageFiles } from '../webui/server/assets.ts';
import { startWebUi } from '../webui/server/start-web-ui.ts';
import { say } from './output.ts';

/** A place without anything: what is compiled must not depend on the machine that the image is built on. */
const nowhere = '/nonexistent';

/**
 * Runs the parts of a start that need no box: V8 then has compiled what a start compiles, and Node keeps that in its
 * compile cache. Opens no socket and writes no file of its own. Its answer is the API's document, for the image to hold.
 */
export async function warmUp(): Promise<number> {
  await import('../daemon.ts');
  const platform = detectPlatform(openFactFiles(nowhere), boardProfiles(), []);
  profileNamed(platform.boardProfile);
  const { settings } = settingsInForce({ saved: { version: 1, hostname: 'hithe' } });
  const board = new StatusBoard(
    {
      ...{ hostname: settings.hostname, conductor: null },
      image: { version: '0', rootHash: null, slot: null, kernel: '', bundleSha256: null, development: false },
      platform,
      tpm: { state: 'pending' },
      devices: [],
      inventory: null,
    },
    {
      uptimeSeconds: () => 0,
      memory: () => ({ totalBytes: 0, usedBytes: 0, availableBytes: 0 }),
      trial: () => null,
      network: () => ({ state: 'applying', detail: null, interfaces: [] }),
      identity: () => ({
        ...{ hit: null, keyStorage: 'none', detail: '' },
        ...{ formerHit: null, problem: null, signing: null },
      }),
      tunnels: () => [],
      strayDatagrams: () => null,
      alarms: () => [],
    },
  );
  let handler: WebHandler | undefined;
  const kept = new Map<string, string>();
  const web = await startWebUi(
    {
      hostname: () => settings.hostname,
      readStatus: () => board.read(),
      log: { read: () => ({ entries: [], newest: 0 }) },
      writeLog: () => {},
      secrets: {
        read: async (name) => kept.get(name) ?? null,
        write: async (name, text) => void kept.set(name, text),
      },
      keys: certificateKeys,
      random: (length) => new Uint8Array(length),
      now: () => 0,
      elapsed: () => 0,
      sha256,
      securityKeys: { register: async () => 'none', prove: async () => 'none' },
      audit: { add: () => {}, page: async () => null },
      derivePassword: async (_password, _salt, _cost, octets) => new Uint8Array(octets),
      openListeners: (options) => {
        handler = options.handler;
        return { setAddresses: async () => [], listenLocally: async () => {}, close: async () => {} };
      },
      replaceIdentity: async () => ({ outcome: 'other-identity', hit: null }),
      attestation: {
        evidence: async () => ({ ok: false, reason: '' }),
        activate: async () => ({ ok: false, reason: '' }),
        measuredBoot: async () => ({ ok: false, reason: '' }),
      },
      configuration: noConfiguration,
      policy: noPolicy,
      flows: noFlows,
      associations: { renew: () => false },
      learning: noLearning,
      devices: noDevices,
      alarms: { active: () => [], over: () => [] },
      metrics: { mayRead: () => false, text: async () => '' },
      backups: { make: async () => nothing, plan: async () => nothing, restore: async () => nothing },
      diagnostics: noDiagnostics,
      restart: () => {},
      support: async () => ({ octets: new Uint8Array(), fileName: '' }),
      factoryReset: { begin: async () => null },
      presence: { shown: () => true, used: () => {} },
      readApiDocument: async () => null,
    },
    { page: await loadPageFiles(), httpsPort: 443, httpPort: 80, localSocket: null, interfaces: [] },
  );
  const headers = { host: '192.168.1.1' };
  const connection = { transport: 'https', remoteAddress: '192.168.1.2', isPipelined: false } as const;
  async function ask(path: string): Promise<string> {
    const answer = await handler?.(new Request(`https://${headers.host}${path}`, { headers }), connection);
    if (answer?.status !== 200) throw new Error(`${path} was answered with ${answer?.status}`);
    return answer.text();
  }
  for (const path of ['/', '/api/v1/status', '/api/v1/log']) await ask(path);
  const apiDocument = await ask('/api/v1/openapi.json');
  await web.close();
  say(apiDocument);
  return 0;
}

const nothing = { ok: false, code: 'settings-not-kept', detail: '' } as const;

/** Nor of it. */
const noFlows: FlowsView = {
  query: async () => ({ ok: true, value: { flows: [], before: null } }),
  follow: async () => ({ ok: true, value: { flows: [], cursor: 0, missed: 0 } }),
  live: async () => [],
  status: () => ({
    ...{ recording: false, persistent: false, records: 0, octets: 0, newest: 0 },
    lost: { kernel: { connections: 0, packets: 0 }, tracker: { denied: 0, records: 0 }, unwritten: 0 },
  }),
};

/** Nothing is asked of it. */
const noPolicy: PolicyView = {
  report: async () => ({ problem: null, generation: 0, rules: [], counters: {} }),
  devices: async () => [],
  explain: () => ({ ok: false, problem: '' }),
};

/** Nor of these. */
const noLearning: PolicyLearning = {
  propose: async () => nothing,
  accept: async () => nothing,
  setMode: async () => nothing,
};
const unknown = { ok: false, code: 'diagnosis-none', detail: '' } as const;
const noDiagnostics: Diagnostics = {
  ping: async () => unknown,
  startTraceroute: async () => unknown,
  traceroute: () => null,
  startCapture: async () => unknown,
  capture: () => null,
  stopCapture: async () => unknown,
  discardCapture: async () => {},
  readCapture: () => unknown,
};
const noDevices: DeviceChanges = {
  accept: async () => nothing,
  label: async () => nothing,
  forget: async () => nothing,
};
const noConfiguration: Configuration = {
  schema: async () => ({}),
  read: () => nothing,
  version: () => '',
  edit: () => nothing,
  discard: () => nothing,
  plan: async () => nothing,
  apply: async () => nothing,
  confirm: async () => nothing,
  rollBack: async () => nothing,
  restore: async () => nothing,
  history: () => nothing,
  revision: () => nothing,
};
