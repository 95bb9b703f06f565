import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  codeFromFragment,
  firstOwnUri,
  nextStep,
  stepFor,
  stepNames,
  stepsDone,
} from '../../../firmware/webui/client/pages/setup/setup-steps.ts';
import { emptyStatus, normalStatus } from '../status-fixtures.ts';

const at = Date.UTC(2026, 5, 1, 12);
const time = new Date(at).toISOString();
const normal = { ...normalStatus(at), time, claimed: true };
const empty = { ...emptyStatus(at), time, claimed: false };

describe('what is done is told by the box', () => {
  test('nothing of it on a new box but the cable', () => {
    expect(stepsDone(empty)).toMatchObject({ code: false, password: false, peers: false });
  });
  test('all of it on a box that works', () => {
    const [uplink, ...others] = normal.network.interfaces;
    if (uplink === undefined) throw new Error('an uplink');
    const look = {
      ...{ gateway: true, names: true },
      ...{ destinations: { asked: 2, answered: 1 }, peers: { asked: 0, answered: 0 } },
    };
    const state = { works: true, score: 98, place: 1, secondsToChange: null, modem: null };
    const reached = { ...uplink, uplink: { ...state, look } };
    const status = { ...normal, network: { ...normal.network, interfaces: [reached, ...others] } };
    expect(Object.values(stepsDone(status))).toEqual(stepNames.map(() => true));
    expect(stepFor('', status, false)).toBe('done');
    const silent = {
      ...reached,
      uplink: { ...state, look: { ...look, names: null, destinations: { asked: 2, answered: 0 } } },
    };
    expect(stepsDone({ ...status, network: { ...status.network, interfaces: [silent] } }).internet).toBe(
      false,
    );
  });
});

describe('the step of an address', () => {
  test.each(['', 'ports', 'peers', 'done', 'nonsense'])('unclaimed, %j is the code', (asked) => {
    expect(stepFor(asked, empty, true)).toBe('code');
  });
  test('the password wants a code first', () => {
    expect(stepFor('password', empty, false)).toBe('code');
    expect(stepFor('password', empty, true)).toBe('password');
  });
  test.each(['code', 'password'])('claimed, %s is over', (asked) => {
    expect(stepFor(asked, { ...empty, claimed: true }, true)).not.toBe(asked);
  });
  test('each leads to the next, and the last to the end', () => {
    expect(stepNames.map(nextStep)).toEqual([...stepNames.slice(1), 'done']);
  });
});

describe('the claim code of a fragment', () => {
  test.each([
    ['#code=4KQ7-9XZM', '4KQ7-9XZM'],
    ['#4kq79xzm', '4kq79xzm'],
    ['#code=4KQ7%209XZM', '4KQ7 9XZM'],
    ['#log', ''],
    ['#code=', ''],
    ['#code=%', ''],
    ['#code=<script>', ''],
    ['', ''],
  ])('%j is %j', (fragment, code) => expect(codeFromFragment(fragment)).toBe(code));

  test('any fragment is read or left, and never fails', () => {
    fc.assert(fc.property(fc.string(), (text) => typeof codeFromFragment(`#${text}`) === 'string'));
  });
});

describe('the box’s own URI', () => {
  const uplink = normal.network.interfaces[0];
  const withAddresses = (addresses: string[]) => ({
    ...normal,
    network: { ...normal.network, interfaces: uplink === undefined ? [] : [{ ...uplink, addresses }] },
  });
  test('is of the first address that leads beyond the cable', () => {
    const hit = normal.identity.hit;
    expect(firstOwnUri(withAddresses(['fe80::1/64', '203.0.113.17/24']))).toBe(
      `hip://203.0.113.17:10500/${hit}`,
    );
    expect(firstOwnUri(withAddresses(['2001:db8::5/64']))).toBe(`hip://[2001:db8::5]:10500/${hit}`);
    expect(firstOwnUri(withAddresses(['169.254.3.4/16']))).toBeNull();
    expect(firstOwnUri(empty)).toBeNull();
  });
});
