import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FlowRecord } from '../../firmware/flows/flow-record.ts';
import { certificateKeys } from '../../firmware/system/certificate-keys.ts';
import { openWebListeners } from '../../firmware/system/https-server.ts';
import { secretFiles } from '../../firmware/system/secret-files.ts';
import type { AlarmsView } from '../../firmware/webui/api/alarms-route.ts';
import type { Attestation } from '../../firmware/webui/api/attestation-route.ts';
import type { LogEntry } from '../../firmware/webui/api/status-schema.ts';
import type { PageInterface } from '../../firmware/webui/page-addresses.ts';
import type { ConnectionBounds, LogReader, ReadStatus } from '../../firmware/webui/ports.ts';
import type { PageFile } from '../../firmware/webui/server/page-files.ts';
import { startWebUi, type WebUi } from '../../firmware/webui/server/start-web-ui.ts';
import { normalStatus } from './status-fixtures.ts';
import { openTestConfiguration } from './test-configuration.ts';
import { testFlows } from './test-flows.ts';
import { openTestLearning } from './test-learning.ts';
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
  close(): Promise<void>;
}

export interface TestBoxOptions {
  readonly readStatus?: ReadStatus;
  readonly attestation?: Attestation;
  readonly lines?: LogEntry[];
  /** That rules are learned from. */
  readonly flows?: readonly FlowRecord[];
  readonly page?: readonly PageFile[];
  readonly interfaces?: readonly PageInterface[];
  readonly httpsPort?: number;
  readonly localSocket?: string;
  readonly bounds?: Partial<ConnectionBounds>;
}

/** Two ports of which nobody else on the machine makes use; a test that is unlucky fails loudly on listening. */
let nextPort = 20_000 + (process.pid % 1000) * 20;

/** The real server on loopback, its secrets in a folder of its own. */
export async function startTestBox(options: TestBoxOptions = {}): Promise<TestBox> {
  const folder = mkdtempSync(join(tmpdir(), 'hithe-webui-'));
  const log = testLog(options.lines);
  const httpsPort = options.httpsPort ?? nextPort++;
  const httpPort = nextPort++;
  const socket = options.localSocket ?? join(folder, 'hithe.sock');
  const { configuration } = openTestConfiguration();
  const readStatus = options.readStatus ?? (() => normalStatus(Date.now()));
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
      replaceIdentity: async (hit) => ({ outcome: 'other-identity', hit }),
      attestation: options.attestation ?? testAttestation,
      configuration,
      alarms: testAlarms,
      metrics: { mayRead: () => false, text: async () => 'hithe_info 1\n' },
      learning: openTestLearning(configuration, { flows: options.flows ?? [] }),
      policy: testPolicy,
      flows: testFlows,
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
    httpsPort,
    httpPort,
    url: `https://127.0.0.1:${httpsPort}`,
    async close() {
      await ui.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
