import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FlowRecord } from '../../firmware/flows/flow-record.ts';
import { makeSupportBundle } from '../../firmware/support/bundle.ts';
import { certificateKeys } from '../../firmware/system/certificate-keys.ts';
import { openWebListeners } from '../../firmware/system/https-server.ts';
import { callUnverifiedBox } from '../../firmware/system/local-api.ts';
import { secretFiles } from '../../firmware/system/secret-files.ts';
import { sha256 } from '../../firmware/system/sha256.ts';
import { openSupportPorts } from '../../firmware/system/support-system.ts';
import type { AlarmsView } from '../../firmware/webui/api/alarms-route.ts';
import type { Associations } from '../../firmware/webui/api/associations-route.ts';
import type { Attestation } from '../../firmware/webui/api/attestation-route.ts';
import type { FlowsView } from '../../firmware/webui/api/flows-route.ts';
import type { PolicyView } from '../../firmware/webui/api/policy-route.ts';
import type { LogEntry } from '../../firmware/webui/api/status-schema.ts';
import type { PageInterface } from '../../firmware/webui/page-addresses.ts';
import type {
  AuditLog,
  ConnectionBounds,
  LogReader,
  ReadStatus,
  ReplaceIdentity,
  StoredAuditEntry,
} from '../../firmware/webui/ports.ts';
import type { PageFile } from '../../firmware/webui/server/page-files.ts';
import { startWebUi, type WebUi } from '../../firmware/webui/server/start-web-ui.ts';
import { fastReader, PluggedKeys } from '../security-key/plugged-keys.ts';
import { deriveQuickly } from './quick-passwords.ts';
import { normalStatus } from './status-fixtures.ts';
import { openTestBackups } from './test-backups.ts';
import { openTestConfiguration, type TestConfiguration } from './test-configuration.ts';
import { openTestDiagnosis, type TestSystem } from './test-diagnostics.ts';
import { testFlows } from './test-flows.ts';
import { openTestDevices, openTestLearning } from './test-learning.ts';
import { testPolicy } from './test-policy.ts';

/** What a box without a TPM answers. */
export const testAttestation: Attestation = {
  evidence: async () => ({ ok: false, reason: 'No evidence without a TPM.' }),
  activate: async () => ({ ok: false, reason: 'No evidence without a TPM.' }),
  measuredBoot: async () => ({ ok: false, reason: 'No evidence without a TPM.' }),
};

/** One that lasts, and one that is over. */
const testAlarms: AlarmsView = {
  active: () => [
    {
      ...{
        kind: 'tunnel-down',
        subject: 'plant',
        reason: 'The tunnel to plant is down',
        advice: 'See to it.',
      },
      ...{ raisedAt: 1_000, clearedAt: null },
    },
  ],
  over: () => [
    {
      ...{ kind: 'denied', subject: 'press', reason: '900 packets were denied', advice: '', raisedAt: 0 },
      clearedAt: 500,
    },
  ],
};

/** An audit that lives as long as the test; that of a box is in firmware/store/audit-store.ts. */
export function testAudit(now: () => number): AuditLog & { readonly entries: StoredAuditEntry[] } {
  const entries: StoredAuditEntry[] = [];
  return {
    entries,
    add: (entry) => void entries.unshift({ id: entries.length + 1, time: now(), ...entry }),
    page: async ({ before = Number.MAX_SAFE_INTEGER, limit }) => {
      const older = entries.filter(({ id }) => id < before);
      const page = older.slice(0, limit);
      return { entries: page, before: older.length > limit ? (page.at(-1)?.id ?? null) : null };
    },
  };
}

/** A log whose lines are numbered from 1, as the box keeps it. */
export function testLog(lines: LogEntry[] = []): LogReader & { lines: LogEntry[] } {
  return {
    lines,
    read: (after, limit) => ({
      entries: lines.slice(Math.max(after, lines.length - limit), lines.length),
      newest: lines.length,
    }),
  };
}

export interface TestBox {
  readonly ui: WebUi;
  readonly log: ReturnType<typeof testLog>;
  readonly folder: string;
  readonly socket: string;
  readonly httpsPort: number;
  readonly httpPort: number;
  readonly url: string;
  /** What is in its USB ports; a touch is waited for a fifth of the time. */
  readonly keys: PluggedKeys;
  /** What its diagnostics are told of the operating system. */
  readonly system: TestSystem;
  /** How often it was told to restart. */
  restarts(): number;
  /** Claims the box as a person does, with its code; browsers sign in with this name and password then. */
  claim(): Promise<{ readonly name: string; readonly password: string }>;
  close(): Promise<void>;
}

export interface TestBoxOptions {
  readonly readStatus?: ReadStatus;
  readonly attestation?: Attestation;
  readonly lines?: LogEntry[];
  /** That rules are learned from. */
  readonly flows?: readonly FlowRecord[];
  /** Settings that the test looks into, and the policy that works by them. */
  readonly settings?: TestConfiguration;
  readonly policy?: PolicyView;
  /** What the pages of flows show. */
  readonly recorded?: FlowsView;
  readonly associations?: Associations;
  readonly replaceIdentity?: ReplaceIdentity;
  readonly page?: readonly PageFile[];
  readonly interfaces?: readonly PageInterface[];
  readonly httpsPort?: number;
  readonly localSocket?: string;
  readonly bounds?: Partial<ConnectionBounds>;
}

let nextPort = 12_000 + (process.pid % 1000) * 20;

/** A port that nobody listens on; below those that the kernel gives to connections. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = nextPort++;
    const probe = createServer();
    const isFree = await new Promise<boolean>((tell) => {
      probe.once('error', () => tell(false));
      probe.listen(port, () => tell(true));
    });
    if (!isFree) continue;
    await new Promise((closed) => probe.close(closed));
    return port;
  }
}

/** The real server on loopback, its secrets in a folder of its own. */
export async function startTestBox(options: TestBoxOptions = {}): Promise<TestBox> {
  const folder = mkdtempSync(join(tmpdir(), 'hithe-webui-'));
  const log = testLog(options.lines);
  const httpsPort = options.httpsPort ?? (await freePort());
  const httpPort = await freePort();
  const socket = options.localSocket ?? join(folder, 'hithe.sock');
  const { configuration } = options.settings ?? openTestConfiguration();
  let restarts = 0;
  const keys = new PluggedKeys();
  const readStatus = options.readStatus ?? (() => normalStatus(Date.now()));
  const { diagnosis, system } = openTestDiagnosis({ status: readStatus });
  const ui = await startWebUi(
    {
      hostname: () => readStatus().hostname,
      readStatus,
      log,
      writeLog: (level, message) => {
        log.lines.push({ time: new Date().toISOString(), level, source: 'webui', message });
      },
      secrets: secretFiles(join(folder, 'secrets')),
      keys: certificateKeys,
      random: (length) => new Uint8Array(randomBytes(length)),
      now: Date.now,
      elapsed: () => performance.now(),
      derivePassword: deriveQuickly,
      sha256,
      securityKeys: fastReader(keys, 5),
      readApiDocument: async () => null,
      audit: testAudit(Date.now),
      replaceIdentity: options.replaceIdentity ?? (async (hit) => ({ outcome: 'other-identity', hit })),
      attestation: options.attestation ?? testAttestation,
      configuration,
      alarms: testAlarms,
      metrics: { mayRead: () => false, text: async () => 'hithe_info 1\n' },
      learning: openTestLearning(configuration, { flows: options.flows ?? [] }),
      devices: openTestDevices(configuration),
      policy: options.policy ?? testPolicy,
      backups: openTestBackups(configuration),
      diagnostics: diagnosis,
      presence: { shown: () => true, used: () => undefined },
      factoryReset: {
        begin: async () => {
          restarts += 1;
          return null;
        },
      },
      support: () =>
        makeSupportBundle(openSupportPorts({ secretsFolder: join(folder, 'secrets'), socketPath: socket })),
      restart: () => {
        restarts += 1;
      },
      flows: options.recorded ?? testFlows,
      associations: options.associations ?? { renew: () => false },
      openListeners: (given) =>
        openWebListeners({ ...given, bounds: { ...given.bounds, ...options.bounds } }),
    },
    {
      page: options.page ?? [],
      httpsPort,
      httpPort,
      localSocket: socket,
      interfaces: options.interfaces ?? [{ role: 'lan', kernelName: 'lo', addresses: ['127.0.0.1/8'] }],
    },
  );
  return {
    ui,
    log,
    folder,
    socket,
    keys,
    system,
    restarts: () => restarts,
    httpsPort,
    httpPort,
    url: `https://127.0.0.1:${httpsPort}`,
    async claim() {
      const owner = { name: 'admin', password: 'correct horse battery' };
      const answer = await callUnverifiedBox({
        ...{ box: `127.0.0.1:${httpsPort}`, path: '/api/v1/claim', method: 'POST' },
        body: { code: ui.claim.code(), ...owner },
      });
      if (!answer.ok || answer.status !== 200)
        throw new Error(`The box cannot be claimed: ${JSON.stringify(answer)}`);
      return owner;
    },
    async close() {
      await ui.close();
      await diagnosis.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
