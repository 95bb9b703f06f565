import { randomBytes } from 'node:crypto';
import { sha256 } from '../../firmware/system/sha256.ts';
import type { Role } from '../../firmware/webui/access.ts';
import { type Accounts, openAccounts } from '../../firmware/webui/accounts.ts';
import type { Configuration } from '../../firmware/webui/api/config-route.ts';
import { type Claim, openClaim } from '../../firmware/webui/claim.ts';
import type {
  Connection,
  ReadStatus,
  ReplaceIdentity,
  ShownPresence,
  WriteLog,
} from '../../firmware/webui/ports.ts';
import { type PageFile, preparePageFiles } from '../../firmware/webui/server/page-files.ts';
import { createSite } from '../../firmware/webui/server/site.ts';
import { PluggedKeys, quickReader } from '../security-key/plugged-keys.ts';
import { deriveQuickly } from './quick-passwords.ts';
import { logLines, normalStatus } from './status-fixtures.ts';
import { openTestBackups } from './test-backups.ts';
import { testAttestation, testAudit, testLog } from './test-box.ts';
import { openTestConfiguration } from './test-configuration.ts';
import { openTestDiagnosis } from './test-diagnostics.ts';
import { testFlows } from './test-flows.ts';
import { openTestDevices, openTestLearning } from './test-learning.ts';
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

/** A browser or program with what it signs in with; requests carry it. */
export interface SignedIn {
  readonly csrfToken: string;
  readonly cookie: string;
  request(path: string, init?: RequestInit, remoteAddress?: string): Promise<Response>;
}

export const testPassword = 'correct horse battery';

export interface TestSite {
  readonly claim: Claim;
  readonly accounts: Accounts;
  readonly audit: ReturnType<typeof testAudit>;
  /** What the box keeps as secrets, by name. */
  readonly files: Record<string, string>;
  /** Claims the box and signs somebody with this role in; the box has an owner `admin` from then on. */
  signIn(role?: Role): Promise<SignedIn>;
  readonly log: ReturnType<typeof testLog>;
  readonly clock: { at: number };
  readonly claimed: string[];
  /** What the image holds, beside the bundle. */
  readonly image: { apiDocument: string | null };
  /** What is in its USB ports. */
  readonly keys: PluggedKeys;
  /** The button on the front panel. */
  readonly presence: ShownPresence & { pressed: boolean; readonly uses: number };
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
  const keys = new PluggedKeys();
  const clock = { at: testTime };
  const files: Record<string, string> = {};
  const claimed: string[] = [];
  const image: TestSite['image'] = { apiDocument: null };
  const presence = {
    pressed: true,
    shown: () => presence.pressed,
    uses: 0,
    used: () => void presence.uses++,
  };
  const writeLog: WriteLog = (level, message) =>
    void log.lines.push({ time: new Date(clock.at).toISOString(), level, source: 'webui', message });
  const accountPorts = {
    secrets: {
      read: async (name: string) => files[name] ?? null,
      write: async (name: string, text: string) => {
        files[name] = text;
      },
    },
    random: (length: number) => new Uint8Array(randomBytes(length)),
    now: () => clock.at,
    elapsed: () => clock.at,
    log: writeLog,
    derivePassword: deriveQuickly,
    sha256,
    securityKeys: quickReader(keys),
  };
  const claim = await openClaim(accountPorts);
  const audit = testAudit(() => clock.at);
  const accounts = await openAccounts(accountPorts);
  const site = createSite({
    page: preparePageFiles(smallPage),
    hostname: () => 'gate-hamburg',
    readApiDocument: async () => image.apiDocument,
    httpsPort: 443,
    readStatus,
    log,
    writeLog,
    claim,
    accounts,
    audit,
    elapsed: () => clock.at,
    fingerprint: 'AB:CD',
    now: () => clock.at,
    closesWhenClaimed: () => true,
    onClaimed: () => void claimed.push('claimed'),
    replaceIdentity,
    attestation,
    configuration,
    policy: testPolicy,
    flows: testFlows,
    associations: { renew: (hit) => hit === '2001:22::7' },
    alarms: { active: () => [], over: () => [] },
    metrics: {
      mayRead: ({ remoteAddress }) => remoteAddress.startsWith('192.168.254.'),
      text: async () => 'hithe_info 1\n',
    },
    learning: openTestLearning(configuration),
    backups: openTestBackups(configuration),
    diagnostics: openTestDiagnosis().diagnosis,
    support: async () => ({ octets: new Uint8Array([0x1f, 0x8b]), fileName: 'support.tar.gz' }),
    restart: () => void claimed.push('restarted'),
    presence,
    factoryReset: {
      begin: async (identity, by) => {
        claimed.push(`reset ${identity} by ${by}`);
        return null;
      },
    },
    devices: openTestDevices(configuration),
  });
  const request: TestSite['request'] = async (
    path,
    init = {},
    transport = 'https',
    remoteAddress = '192.168.1.50',
  ) => {
    const headers = new Headers(init.headers);
    if (!headers.has('host')) headers.set('host', '192.168.1.1');
    const asked = new Request(`https://192.168.1.1${path}`, { ...init, headers });
    return site.handler(asked, { transport, remoteAddress, isPipelined: false });
  };

  async function signIn(role: Role = 'owner'): Promise<SignedIn> {
    if (!claim.claimed())
      await claim.attempt(claim.code() ?? '', '192.168.1.50', accounts.keepOwner('admin', testPassword));
    const name = role === 'owner' ? 'admin' : role;
    if (role !== 'owner') await accounts.users.add(role, role, testPassword);
    const answer = await request('/api/v1/session', post(JSON.stringify({ name, password: testPassword })));
    const { csrfToken }: { csrfToken: string } = await answer.json();
    const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? '';
    return {
      csrfToken,
      cookie,
      request: (path, init = {}, remoteAddress) => {
        const headers = new Headers(init.headers);
        if (!headers.has('cookie')) headers.set('cookie', cookie);
        if (!headers.has('x-csrf-token')) headers.set('x-csrf-token', csrfToken);
        return request(path, { ...init, headers }, 'https', remoteAddress);
      },
    };
  }

  return {
    ...{ claim, accounts, audit, files, log, clock, claimed, image, keys, presence, request, signIn },
    close: site.close,
  };
}

export function post(body: string, headers: Record<string, string> = {}): RequestInit {
  return { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } };
}
