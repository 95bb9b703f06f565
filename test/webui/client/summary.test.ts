import { describe, expect, test } from 'vitest';
import type { StatusUpdate } from '../../../firmware/webui/api/status-schema.ts';
import { summarise } from '../../../firmware/webui/client/summary.ts';
import { tunnelCondition } from '../../../firmware/webui/client/tunnel-state.ts';
import { degradedStatus, emptyStatus, normalStatus } from '../status-fixtures.ts';

const at = Date.UTC(2026, 5, 1);
const whole = (reading: ReturnType<typeof normalStatus>): StatusUpdate => ({
  ...reading,
  time: new Date(at).toISOString(),
  claimed: true,
});
const normal = whole(normalStatus(at));
const tunnel = normal.tunnels[0];
if (tunnel === undefined) throw new Error('a tunnel');
const inState = (...states: string[]) => ({
  ...normal,
  tunnels: states.map((state, index) => ({ ...tunnel, state, peer: `peer-${index}` })),
});
const uplink = (fields: Partial<StatusUpdate['network']['interfaces'][number]>): StatusUpdate => ({
  ...normal,
  network: {
    ...normal.network,
    interfaces: normal.network.interfaces.map((each) =>
      each.role === 'underlay' ? { ...each, ...fields } : each,
    ),
  },
});
const badQuote = (status: StatusUpdate): StatusUpdate =>
  status.tpm.state === 'present'
    ? { ...status, tpm: { ...status.tpm, quote: { ...status.tpm.quote, verified: false } } }
    : status;

describe('the sentence', () => {
  test.each<[string, StatusUpdate, string, string]>([
    ['all well', normal, 'up', 'All 3 tunnels are up. The TPM’s quote is good.'],
    ['one tunnel', inState('ESTABLISHED'), 'up', 'The tunnel to peer-0 is up. The TPM’s quote is good.'],
    [
      'no TPM, no tunnel',
      whole(emptyStatus(at)),
      'up',
      'The box is running. It has no tunnels yet. There is no TPM.',
    ],
    ['TPM being read', { ...normal, tpm: { state: 'pending' } }, 'up', 'All 3 tunnels are up.'],
    [
      'one of two down',
      inState('ESTABLISHED', 'E-FAILED'),
      'degraded',
      '1 of 2 tunnels is up; peer-1 is down.',
    ],
    ['alarms', { ...normal, alarms: [{ kind: 'denied', raisedAt: 1 }] }, 'attention', '1 alarm is raised.'],
    ['all down', inState('UNASSOCIATED', 'CLOSED'), 'down', 'All 2 tunnels are down.'],
    ['the only one down', inState('CLOSED'), 'down', 'The tunnel to peer-0 is down.'],
    [
      'one on its way',
      inState('ESTABLISHED', 'I2-SENT'),
      'degraded',
      'The tunnel to peer-1 is being set up.',
    ],
    [
      'many down',
      inState('ESTABLISHED', 'CLOSED', 'CLOSED', 'CLOSED', 'CLOSED'),
      'degraded',
      '1 of 5 tunnels is up; peer-1, peer-2 and 2 more are down.',
    ],
    ['no link', uplink({ link: 'down' }), 'down', 'The uplink has no link on port1.'],
    [
      'no address',
      uplink({ addresses: ['fe80::1/64', '169.254.3.4/16'] }),
      'degraded',
      'The uplink has no address yet.',
    ],
    [
      'applying',
      { ...normal, network: { ...normal.network, state: 'applying' } },
      'degraded',
      'The network is being set up.',
    ],
    [
      'a warning',
      { ...normal, warnings: [{ code: 'x', message: 'Something.', advice: 'Do it.' }] },
      'attention',
      'Something.',
    ],
    [
      'TPM broken',
      { ...normal, tpm: { state: 'failed', reason: 'r', advice: 'a' } },
      'attention',
      'The TPM does not work.',
    ],
  ])('%s', (_what, status, mark, sentence) => {
    expect(summarise(status)).toMatchObject({ mark, sentence });
  });

  test('a quote that is not genuine is louder than everything else', () => {
    const worst = badQuote({
      ...uplink({ link: 'down' }),
      network: { ...normal.network, state: 'failed', detail: 'x' },
    });
    expect(summarise(worst)).toMatchObject({
      mark: 'attention',
      sentence: 'The TPM’s quote is not genuine.',
    });
  });

  test('names the cause before its effects', () => {
    const failed: StatusUpdate = {
      ...inState('CLOSED'),
      network: { ...normal.network, state: 'failed', detail: 'nft: no such file' },
    };
    expect(summarise(failed)).toEqual({
      mark: 'down',
      sentence: 'The network could not be set up.',
      advice: 'nft: no such file',
    });
  });

  test('what is not well comes with something to do', () => {
    expect(summarise(whole(degradedStatus(at))).advice).not.toBeNull();
    expect(summarise(normal).advice).toBeNull();
  });
});

describe('RFC 7401 § 4.4.2: the states of an association', () => {
  test.each([
    ['ESTABLISHED', 'up'],
    ['established', 'up'],
    ['R2-SENT', 'up'],
    ['I1_SENT', 'connecting'],
    ['I2-SENT', 'connecting'],
    ['CLOSING', 'closing'],
    ['CLOSED', 'down'],
    ['UNASSOCIATED', 'down'],
    ['E-FAILED', 'down'],
    ['something new', 'down'],
  ])('%s is %s', (state, condition) => {
    expect(tunnelCondition({ ...tunnel, state })).toBe(condition);
  });

  test.each([
    ['UNASSOCIATED', 'idle'],
    ['CLOSED', 'idle'],
    ['E-FAILED', 'down'],
    ['ESTABLISHED', 'up'],
  ])('%s of a peer that is met on demand is %s', (state, condition) => {
    expect(tunnelCondition({ ...tunnel, connect: 'on-demand', state })).toBe(condition);
  });
});
