import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { commands } from '../../../firmware/cli/commands.ts';
import { wordsOf } from '../../../firmware/cli/completion.ts';
import { projectRoot } from '../../../image-builder/places.ts';
import { openTestSite } from '../test-site.ts';

/** Why an operation has no verb of its own, or a verb no operation. */
interface Alone {
  readonly since: string;
}
const people: Alone = { since: 'sessions are for the page: the command line may do everything' };

/** What the command line asks by each operation of the API. */
const verbOf: Readonly<Record<string, string | Alone>> = {
  ...{ getStatus: 'status', getLog: 'log', getAlarms: 'alarms', getAudit: 'audit', getSupport: 'support' },
  getBox: { since: 'it is a part of the status, for who is not signed in' },
  getEvents: { since: 'it keeps the page up to date; hithe flows --follow and hithe log ask by themselves' },
  postClaim: { since: 'whoever is root on the box sets an owner: hithe users set' },
  ...{ postSession: people, getSession: people, deleteSession: people },
  ...{ getSessions: 'sessions list', deleteSessionsById: 'sessions end' },
  ...{ postSessionConfirm: people, postSessionPassword: people },
  ...{ getUsers: 'users list', postUsers: 'users add', patchUsersByName: 'users set' },
  deleteUsersByName: 'users remove',
  ...{ getUsersByNameSecurityKeys: 'security-keys list', postUsersByNameSecurityKeys: 'security-keys add' },
  deleteUsersByNameSecurityKeysById: 'security-keys remove',
  ...{ getTokens: 'tokens list', postTokens: 'tokens make', deleteTokensById: 'tokens revoke' },
  postIdentityReplace: 'identity re-enrol',
  ...{ postAttestationEvidence: 'attest collect', postAttestationActivation: 'attest activate' },
  getAttestation: { since: 'hithe eventlog reads the log itself' },
  ...{ getConfig: 'config get', postConfigPlan: 'config diff', postConfigDraft: 'config set' },
  ...{
    postConfigApply: 'config apply',
    postConfigConfirm: 'config confirm',
    postConfigRevert: 'config revert',
  },
  ...{ getConfigHistory: 'config history', getConfigHistoryById: 'config history' },
  getConfigSchema: { since: 'hithe config schema and hithe settings schema have it in them' },
  ...{ getPolicy: 'policy list', getPolicyExplain: 'policy explain', getPolicyProposals: 'policy learn' },
  ...{ postPolicyAccept: 'policy learn', postPolicyMode: 'policy enforce' },
  ...{ getDevices: 'devices list', postDevicesAccept: 'devices accept' },
  ...{ postDevicesLabel: 'devices label', postDevicesForget: 'devices forget' },
  ...{ getFlows: 'flows', getFlowsNew: 'flows', getFlowsLive: 'flows', getFlowsStatus: 'flows' },
  getFlowsExport: { since: 'hithe flows --json prints the same lines' },
  getAssociations: { since: 'hithe tunnel list has the whole list, with what came of no peer' },
  postAssociationsByHitRenew: 'tunnel renew',
  ...{ getBackup: 'backup', postBackup: 'backup', postRestorePlan: 'restore', postRestore: 'restore' },
  ...{ postDiagnosticsPing: 'ping', postDiagnosticsTraceroute: 'traceroute' },
  getDiagnosticsTraceroute: 'traceroute',
  ...{ postRestart: 'restart', postFactoryReset: 'factory-reset' },
};
const capture: Alone = { since: 'hithe capture writes the file itself, with the same bounds' };
const captures = [
  ...['postDiagnosticsCapture', 'getDiagnosticsCapture', 'deleteDiagnosticsCapture'],
  ...['postDiagnosticsCaptureStop', 'getDiagnosticsCaptureFile'],
];

/** Verbs that ask nothing of the box's API, and why. */
const alone: Readonly<Record<string, Alone>> = {
  'identity show': { since: 'it is a part of the status' },
  'tunnel list': { since: 'it is a part of the status' },
  'platform detect': { since: 'it looks for itself, also into recorded facts' },
  ...Object.fromEntries(
    ['hip decode', 'hip probe', 'hip respond', 'settings check', 'settings schema', 'eventlog'].map(
      (verb) => [verb, { since: 'it works on files and sockets of its own' }],
    ),
  ),
  ...Object.fromEntries(
    ['attest nonce', 'attest appraise', 'attest challenge'].map((verb) => [
      verb,
      { since: 'it is for who asks a box, anywhere' },
    ]),
  ),
  ...{ capture, 'config schema': { since: 'the schema is in the program' } },
  ...{ 'config import': { since: 'it makes a draft' }, 'config discard': { since: 'it changes the draft' } },
  ...{ 'config export': { since: 'it is what is saved' }, 'policy stage': { since: 'it is the other mode' } },
  ...Object.fromEntries(
    ['completion bash', 'completion zsh', 'version', 'warm-up', 'daemon'].map((verb) => [
      verb,
      { since: 'it is about the program' },
    ]),
  ),
};

let operations: ReadonlyMap<string, string>;
let verbs: readonly string[];
let sources: string;
beforeAll(async () => {
  const site = await openTestSite();
  const document: { paths: Record<string, Record<string, { operationId: string }>> } = await (
    await site.request('/api/v1/openapi.json')
  ).json();
  site.close();
  operations = new Map(
    Object.entries(document.paths).flatMap(([path, item]) =>
      Object.values(item).map(({ operationId }): [string, string] => [operationId, path]),
    ),
  );
  const words = await wordsOf(commands);
  verbs = Object.keys(commands).flatMap((name) => {
    const own = words.get(name)?.verbs ?? [];
    return own.length === 0 ? [name] : own.map((verb) => `${name} ${verb}`);
  });
  const folder = join(projectRoot, 'firmware/cli');
  sources = readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n');
});

describe('the API and the command line', () => {
  test('every operation has its verb, or a reason', () => {
    const known = [...Object.keys(verbOf), ...captures].sort();
    expect(known).toEqual([...operations.keys()].sort());
    for (const verb of Object.values(verbOf)) if (typeof verb === 'string') expect(verbs).toContain(verb);
  });

  test('every verb has its operation, or a reason', () => {
    const asking = Object.values(verbOf).filter((verb) => typeof verb === 'string');
    expect([...new Set([...asking, ...Object.keys(alone)])].sort()).toEqual([...verbs].sort());
    expect(asking.filter((verb) => Object.hasOwn(alone, verb))).toEqual([]);
  });

  test('what a verb is said to ask is asked by the command line', () => {
    for (const [id, verb] of Object.entries(verbOf)) {
      if (typeof verb !== 'string' || id === 'getSupport') continue;
      const [start = ''] = (operations.get(id) ?? '').split('{');
      const family = start.startsWith('/api/v1/attestation') || start.startsWith('/api/v1/devices/');
      const written = family ? start.slice(0, start.lastIndexOf('/') + 1) : start;
      expect(sources, `${verb} asks ${id}`).toContain(written);
    }
  });

  test('every verb of the box that asks prints JSON where it is asked to', async () => {
    const words = await wordsOf(commands);
    const silent = Object.keys(commands).filter((name) => !words.get(name)?.options.includes('--json'));
    expect(silent.sort()).toEqual(['completion', 'daemon', 'warm-up']);
  });
});
