import type { Configuration } from '../../firmware/webui/api/config-route.ts';
import { type Claim, openClaim } from '../../firmware/webui/claim.ts';
import type { Connection, ReadStatus, ReplaceIdentity } from '../../firmware/webui/ports.ts';
import { type PageFile, preparePageFiles } from '../../firmware/webui/server/page-files.ts';
import { createSite } from '../../firmware/webui/server/site.ts';
import { logLines, normalStatus } from './status-fixtures.ts';
import { testAttestation, testLog } from './test-box.ts';
import { openTestConfiguration } from './test-configuration.ts';
import { testFlows } from './test-flows.ts';
import { openTestLearning } from './test-learning.ts';
import { testPolicy } from './test-policy.ts';

export const testTime = Date.UTC(2026, 5, 1, 12);

/** A page of one file, so that the server's tests do not wait for the client's build. */
export const smallPage: readonly PageFile[] = [
  {
    path: '/',
    contentType: 'text/html; charset=utf-8',
    text: '<!doctype html><title>x</title>',
    gzipBase64: 'Z3ppcA==',
    brotliBase64: 'YnJvdGxp',
    etag: 'abc',
  },
  {
    path: '/page-0123456789ab.js',
    contentType: 'text/javascript; charset=utf-8',
    text: 'export {}',
    gzipBase64: 'Z3ppcA==',
    brotliBase64: 'YnJvdGxp',
    etag: 'def',
  },
];

export interface TestSite {
  readonly claim: Claim;
  readonly log: ReturnType<typeof testLog>;
  readonly clock: { at: number };
  readonly claimed: string[];
  /** A request as a browser on the LAN would make it, unless told otherwise. */
  request(
    path: string,
    init?: RequestInit,
    transport?: Connection['transport'],
    remoteAddress?: string,
  ): Promise<Response>;
  close(): void;
}

/** The page and the API without sockets. */
export async function openTestSite(
  readStatus: ReadStatus = () => normalStatus(testTime),
  replaceIdentity: ReplaceIdentity = async (hit) => ({ outcome: 'other-identity', hit }),
  attestation = testAttestation,
  configuration: Configuration = openTestConfiguration().configuration,
): Promise<TestSite> {
  const log = testLog(logLines(testTime));
  const clock = { at: testTime };
  const files: Record<string, string> = {};
  const claimed: string[] = [];
  const claim = await openClaim({
    secrets: {
      read: async (name) => files[name] ?? null,
      write: async (name, text) => {
        files[name] = text;
      },
    },
    random: (length) => new Uint8Array(length).fill(7),
    now: () => clock.at,
    log: () => {},
  });
  const site = createSite({
    page: preparePageFiles(smallPage),
    hostname: () => 'gate-hamburg',
    httpsPort: 443,
    readStatus,
    log,
    writeLog: (level, message) =>
      log.lines.push({ time: new Date(clock.at).toISOString(), level, source: 'webui', message }),
    claim,
    now: () => clock.at,
    closesWhenClaimed: () => true,
    onClaimed: () => void claimed.push('claimed'),
    replaceIdentity,
    attestation,
    configuration,
    policy: testPolicy,
    flows: testFlows,
    alarms: { active: () => [], over: () => [] },
    metrics: {
      mayRead: ({ remoteAddress }) => remoteAddress.startsWith('192.168.254.'),
      text: async () => 'hithe_info 1\n',
    },
    learning: openTestLearning(configuration),
  });
  return {
    claim,
    log,
    clock,
    claimed,
    async request(path, init = {}, transport = 'https', remoteAddress = '192.168.1.50') {
      const headers = new Headers(init.headers);
      if (!headers.has('host')) headers.set('host', '192.168.1.1');
      const request = new Request(`https://192.168.1.1${path}`, { ...init, headers });
      return site.handler(request, { transport, remoteAddress });
    },
    close: site.close,
  };
}

export function post(body: string, headers: Record<string, string> = {}): RequestInit {
  return { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } };
}
