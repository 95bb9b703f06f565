import type { MeasuredBoot } from '../../../firmware/webui/api/attestation-route.ts';
import type { SessionList } from '../../../firmware/webui/api/session-list-route.ts';
import type { MadeToken } from '../../../firmware/webui/api/token-route.ts';
import { VirtualKey } from '../../security-key/virtual-key.ts';
import { normalStatus } from '../status-fixtures.ts';
import { openTestSite, type TestSite, testPassword, testTime } from '../test-site.ts';

const boot: MeasuredBoot = {
  ...{ release: { version: '1.2.3', development: false }, selfAppraisal: true, pcrBank: 'sha256' },
  chain: [
    {
      ...{ name: 'loader', pcrs: [4], comparison: 'different', expected: '00', actual: '01' },
      problems: [
        {
          problem: 'digest',
          pcr: 4,
          event: { index: 1, type: 'EV', text: 'x' },
          expected: '00',
          actual: null,
        },
      ],
    },
  ],
  pcrs: [],
};

/** A site whose TPM and identity do what they are asked. */
export const openContractSite = (): Promise<TestSite> =>
  openTestSite(undefined, async () => ({ outcome: 'replaced', identity: normalStatus(testTime).identity }), {
    evidence: async (nonce) => ({ ok: true, document: { type: 'hithe-evidence', nonce } }),
    activate: async () => ({ ok: true, secret: '00' }),
    measuredBoot: async () => ({ ok: true, boot }),
  });

/** How an operation is asked rightly. */
export interface Asked {
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Who asks; the box itself unless told, which may do everything. `nobody` before the box is claimed. */
  readonly as?: 'owner' | 'nobody';
  /** The status that comes of it here. */
  readonly status?: number;
}

type Ask = Asked | ((site: TestSite) => Asked | Promise<Asked>);

const inDraft = (value: unknown, path: string) => async (site: TestSite) => {
  await local(site, '/api/v1/config/draft', { path, value });
};

/** Something done over the box's own socket before the operation is asked. */
export async function local<Body>(site: TestSite, path: string, body: unknown): Promise<Body> {
  const answer = await site.request(
    path,
    { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } },
    'local',
  );
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
  return (await answer.json()) as Body;
}

async function onTrial(site: TestSite): Promise<void> {
  await inDraft('gate-bremen', 'hostname')(site);
  await local(site, '/api/v1/config/apply', { seconds: 60 });
}

async function confirmed(site: TestSite): Promise<void> {
  await onTrial(site);
  await local(site, '/api/v1/config/confirm', { anyway: true });
}

async function withErika(site: TestSite): Promise<void> {
  await local(site, '/api/v1/users', {
    name: 'erika',
    role: 'viewer',
    password: 'seven herons over the quay',
  });
}

async function withToken(site: TestSite): Promise<MadeToken> {
  return local<MadeToken>(site, '/api/v1/tokens', { name: 'backup', access: ['read'], days: 1 });
}

/** As what the list has the session of somebody who has just signed in. */
async function newSession(site: TestSite): Promise<string> {
  await site.signIn('viewer');
  const answer = await site.request('/api/v1/sessions', {}, 'local');
  const { sessions } = (await answer.json()) as SessionList;
  return sessions[0]?.id ?? '';
}

/** The owner has it, and is not signed in. */
async function withKey(site: TestSite): Promise<VirtualKey> {
  await site.signIn();
  const key = await VirtualKey.make();
  site.keys.plug(key);
  key.touch();
  await local(site, '/api/v1/users/admin/security-keys', { name: 'blue' });
  key.touch();
  return key;
}

async function keyOf(site: TestSite): Promise<string> {
  await withKey(site);
  return site.accounts.users.keys('admin')?.[0]?.key.id ?? '';
}

const after = (prepare: (site: TestSite) => Promise<void>, asked: Asked) => async (site: TestSite) => {
  await prepare(site);
  return asked;
};

const filters = { since: '1', verdict: 'allow', address: '192.168.1.0/24', protocol: 'tcp', port: '443' };

/** By the names of the operations: each has one. */
export const requests: Readonly<Record<string, Ask>> = {
  getStatus: {},
  getLog: { query: { limit: '2', level: 'info' } },
  getEvents: {},
  getBox: { as: 'nobody' },
  postClaim: (site) => ({
    as: 'nobody',
    body: { code: site.claim.code(), password: 'seven herons over the quay' },
  }),
  postSession: async (site) => {
    await site.signIn();
    return { as: 'nobody', body: { name: 'admin', password: testPassword } };
  },
  getSession: { as: 'owner' },
  deleteSession: { as: 'owner', status: 204 },
  postSessionConfirm: { as: 'owner', body: { password: testPassword } },
  postSessionPassword: {
    as: 'owner',
    body: { password: testPassword, newPassword: 'seven herons over the quay' },
  },
  getUsers: {},
  postUsers: { body: { name: 'erika', role: 'viewer', password: 'seven herons over the quay' } },
  patchUsersByName: after(withErika, { path: { name: 'erika' }, body: { role: 'operator' } }),
  deleteUsersByName: after(withErika, { path: { name: 'erika' }, status: 204 }),
  getUsersByNameSecurityKeys: after(async (site) => void (await withKey(site)), { path: { name: 'admin' } }),
  postUsersByNameSecurityKeys: async (site) => {
    await site.signIn();
    const key = await VirtualKey.make();
    site.keys.plug(key);
    key.touch();
    return { path: { name: 'admin' }, body: { name: 'blue' } };
  },
  deleteUsersByNameSecurityKeysById: async (site) => ({
    path: { name: 'admin', id: await keyOf(site) },
    status: 204,
  }),
  getSessions: {},
  deleteSessionsById: async (site) => ({ path: { id: await newSession(site) }, status: 204 }),
  getTokens: after(async (site) => void (await withToken(site)), {}),
  postTokens: { body: { name: 'backup', access: ['read', 'own'], days: null } },
  deleteTokensById: async (site) => ({ path: { id: (await withToken(site)).token.id }, status: 204 }),
  getAudit: after(withErika, { query: { limit: '5' } }),
  postIdentityReplace: { body: { hit: 'none' } },
  postAttestationEvidence: { body: { nonce: '00'.repeat(32) } },
  postAttestationActivation: {
    body: {
      ...{
        type: 'hithe-enrolment-challenge',
        endorsementKey: '00',
        credentialBlob: '00',
        encryptedSeed: '00',
      },
    },
  },
  getSupport: {},
  getAttestation: {},
  getConfigSchema: {},
  getConfig: { query: { secrets: 'shown' } },
  postConfigPlan: { body: { document: { version: 1, hostname: 'gate-bremen' } } },
  postConfigDraft: { body: { path: 'hostname', value: 'gate-bremen' } },
  postConfigApply: after(inDraft('gate-bremen', 'hostname'), { body: { seconds: 60 } }),
  postConfigConfirm: after(onTrial, { body: { anyway: true } }),
  postConfigRevert: after(onTrial, { body: {} }),
  getConfigHistory: after(confirmed, { query: { limit: '1', before: '7' } }),
  getConfigHistoryById: after(confirmed, { path: { id: '1' } }),
  getPolicy: {},
  getPolicyExplain: { query: { from: '192.168.1.10', to: 'wien', protocol: 'tcp', port: '443' } },
  getPolicyProposals: { query: { since: '0' } },
  postPolicyAccept: { body: { ids: ['learned-1'] }, status: 404 },
  postPolicyMode: { body: { ids: ['press'], mode: 'staged' }, status: 404 },
  getDevices: { query: { limit: '1' } },
  postDevicesAccept: { body: { devices: [{ name: 'press', mac: '02:00:00:00:00:10', labels: ['line'] }] } },
  postDevicesLabel: after(
    async (site) => {
      await local(site, '/api/v1/devices/accept', {
        devices: [{ name: 'press', addresses: ['192.168.1.10'] }],
      });
      await local(site, '/api/v1/config/confirm', { anyway: true });
    },
    { body: { name: 'press', labels: ['line'] } },
  ),
  postDevicesForget: { body: { names: ['press'] }, status: 404 },
  getFlows: { query: filters },
  getFlowsNew: { query: { ...filters, wait: '0' } },
  getFlowsLive: { query: { limit: '5' } },
  getFlowsStatus: {},
  getFlowsExport: { query: { ...filters, format: 'csv' } },
  getAssociations: { query: { limit: '1' } },
  postAssociationsByHitRenew: { path: { hit: '2001:22::7' }, status: 202 },
  getAlarms: {},
  getBackup: {},
  postBackup: { body: { password: 'seven herons over the quay' } },
  postRestorePlan: (site) => restored(site, {}),
  postRestore: (site) => restored(site, { seconds: 60 }),
  postDiagnosticsPing: { body: { from: '192.168.1.10', to: 'wien' } },
  postDiagnosticsTraceroute: { body: { to: '192.0.2.7' } },
  getDiagnosticsTraceroute: {},
  postDiagnosticsCapture: { body: { link: 'br-lan', filter: 'tcp', seconds: 5 } },
  getDiagnosticsCapture: {},
  deleteDiagnosticsCapture: {},
  postDiagnosticsCaptureStop: { body: {}, status: 404 },
  getDiagnosticsCaptureFile: { status: 404 },
  postRestart: { body: {} },
  postFactoryReset: { body: { hostname: 'gate-hamburg' } },
};

async function restored(site: TestSite, more: object): Promise<Asked> {
  const backup: unknown = await (await site.request('/api/v1/backup', {}, 'local')).json();
  await confirmed(site);
  return { body: { backup, ...more } };
}
