import { describe, expect, test } from 'vitest';
import type { HostIdentityTag } from '../../firmware/hip/host-identity-tag.ts';
import { limits } from '../../firmware/hip/limits.ts';
import type { Locator } from '../../firmware/hip/locator.ts';
import { parameter } from '../../firmware/hip/packet.ts';
import type { ParameterOf } from '../../firmware/hip/parameter-fields.ts';
import { R1RateLimit } from '../../firmware/hip/r1-rate.ts';
import type { Responder } from '../../firmware/hip/responder.ts';
import { type Host, parsed, twoHosts } from './two-hosts.ts';

/** An I1 of one host, answered by the other, and solved (any #J will do for #K 0). */
async function solved(initiator: Host, responder: Host, now = 0) {
  initiator.step({ type: 'abandon' });
  const [i1 = new Uint8Array()] = await initiator.packets({ type: 'connect', to: responder.locator });
  const r1 = parsed(responder.responder.answer(parsed(i1), initiator.locator, now) ?? new Uint8Array());
  const puzzle = parameter(r1, 'PUZZLE');
  if (puzzle === undefined) throw new Error('no puzzle');
  const { difficulty, opaque, random } = puzzle;
  const solution: ParameterOf<'SOLUTION'> = {
    name: 'SOLUTION',
    ...{ difficulty, opaque, random, solution: new Uint8Array(48).fill(1) },
  };
  const group = parameter(r1, 'DIFFIE_HELLMAN');
  return {
    counter: parameter(r1, 'R1_COUNTER')?.counter,
    solution,
    from: initiator.locator,
    initiator: initiator.own.hit,
    group,
  };
}

type Answer = {
  counter: bigint | undefined;
  solution: ParameterOf<'SOLUTION'>;
  from: Locator;
  initiator: HostIdentityTag;
};
const verdict = (responder: Responder, answer: Answer) => {
  const result = responder.recognise({ now: 0, ...answer });
  return typeof result === 'string' ? result : 'recognised';
};

describe('RFC 7401 §6.9: which solutions a responder takes', () => {
  test('its own, from where they were asked, once', async () => {
    const [initiator, host] = await twoHosts();
    const answer = await solved(initiator, host);
    const { solution } = answer;
    const altered = solution.random.slice().fill(0, 0, 1);
    altered[0] = (solution.random[0] ?? 0) ^ 1;
    const cases: [string, Answer][] = [
      ['recognised', answer],
      ['stale-generation', { ...answer, counter: 99n }],
      ['stale-generation', { ...answer, counter: undefined }],
      ['unknown-slot', { ...answer, solution: { ...solution, opaque: solution.opaque | 0xf000 } }],
      ['foreign-puzzle', { ...answer, solution: { ...solution, opaque: solution.opaque ^ 1 } }],
      ['foreign-puzzle', { ...answer, solution: { ...solution, random: altered } }],
      ['foreign-puzzle', { ...answer, solution: { ...solution, random: new Uint8Array() } }],
      ['foreign-puzzle', { ...answer, from: { ...answer.from, port: 1 } }],
      ['foreign-puzzle', { ...answer, from: { ...answer.from, address: '192.0.2.99' } }],
      ['foreign-puzzle', { ...answer, initiator: host.own.hit }],
      ['foreign-puzzle', { ...answer, solution: { ...solution, difficulty: 1 } }],
    ];
    for (const [expected, given] of cases) expect(verdict(host.responder, given)).toBe(expected);
    const recognised = host.responder.recognise({ ...answer, now: 0 });
    if (typeof recognised === 'string') throw new Error(recognised);
    host.responder.accept(recognised, 0);
    expect(verdict(host.responder, answer)).toBe('replayed-solution');
    const other = { ...answer, solution: { ...solution, solution: new Uint8Array(48).fill(2) } };
    expect(verdict(host.responder, other)).toBe('recognised');
  });

  test(`of the ${limits.acceptedGenerations} newest generations`, async () => {
    const [initiator, host] = await twoHosts();
    const answer = await solved(initiator, host);
    for (let age = 1; age <= limits.acceptedGenerations; age++) {
      expect(verdict(host.responder, answer)).toBe('recognised');
      await host.prepareR1s();
    }
    expect(verdict(host.responder, answer)).toBe('stale-generation');
  });

  test(`at most ${limits.acceptedSolutions} of a generation`, async () => {
    const [initiator, host] = await twoHosts();
    const answer = await solved(initiator, host);
    const recognised = host.responder.recognise({ ...answer, now: 0 });
    if (typeof recognised === 'string') throw new Error(recognised);
    for (let count = 1; count < limits.acceptedSolutions; count++)
      host.responder.accept({ ...recognised, key: `${count}` }, 0);
    expect(verdict(host.responder, answer)).toBe('recognised');
    host.responder.accept({ ...recognised, key: 'one more' }, 0);
    expect(verdict(host.responder, answer)).toBe('busy');
  });
});

describe('RFC 7401 §4.1.2: an R1 carries when it was sent', () => {
  test.each([
    [0, 0],
    [limits.r1TickMs - 1, 0],
    [limits.r1TickMs, limits.r1TickMs],
    [119_999, 119_900],
    [4095 * limits.r1TickMs, 4095 * limits.r1TickMs],
    [9999 * limits.r1TickMs, 4095 * limits.r1TickMs],
    [-5, 0],
  ])('%i ms after its generation began reads as %i', async (sentAt, issuedAt) => {
    const [initiator, host] = await twoHosts();
    const recognised = host.responder.recognise({ ...(await solved(initiator, host, sentAt)), now: sentAt });
    expect(typeof recognised === 'string' ? recognised : recognised.issuedAt).toBe(issuedAt);
  });

  test('so #I changes from tick to tick', async () => {
    const [initiator, host] = await twoHosts();
    const random = async (now: number) => String((await solved(initiator, host, now)).solution.random);
    expect(await random(0)).toBe(await random(limits.r1TickMs - 1));
    expect(await random(0)).not.toBe(await random(limits.r1TickMs));
  });
});

describe('RFC 7401 §5.3.2 and §6.7.1: R1s made ahead', () => {
  test('before the first is signed there is no answer', async () => {
    const [initiator, host] = await twoHosts();
    const [i1 = new Uint8Array()] = await initiator.packets({ type: 'connect', to: host.locator });
    const { Responder: Fresh } = await import('../../firmware/hip/responder.ts');
    const fresh = new Fresh(host.own, host.crypto, 1n);
    const drafts = fresh.draftGeneration(0);
    expect(fresh.answer(parsed(i1), initiator.locator, 0)).toBeUndefined();
    expect(() => drafts.finish([new Uint8Array(64)])).toThrow(RangeError);
    drafts.finish(drafts.messages.map(() => new Uint8Array(64)));
    expect(fresh.answer(parsed(i1), initiator.locator, 0)).toBeDefined();
  });

  test('a key that served is not offered again while there is another', async () => {
    const [initiator, host] = await twoHosts();
    const offered = new Set<string>();
    for (let count = 0; count < 6; count++) {
      const answer = await solved(initiator, host);
      offered.add(String(answer.group?.publicValue));
      const recognised = host.responder.recognise({ ...answer, now: 0 });
      if (typeof recognised === 'string') throw new Error(recognised);
      host.responder.accept(recognised, 0);
      const drafts = host.responder.draftMissing(0);
      drafts?.finish(await Promise.all(drafts.messages.map((message) => host.signer.sign(message))));
    }
    expect(offered.size).toBe(6);
  });

  test(`after ${limits.slotsPerGeneration} R1s of a generation the last is offered on`, async () => {
    const [initiator, host] = await twoHosts();
    let replaced = 0;
    for (let count = 0; count < 20; count++) {
      const answer = await solved(initiator, host);
      const recognised = host.responder.recognise({ ...answer, now: 0 });
      if (typeof recognised === 'string') throw new Error(recognised);
      host.responder.accept({ ...recognised, key: String(count) }, 0);
      const drafts = host.responder.draftMissing(0);
      if (drafts !== undefined) replaced++;
      drafts?.finish(await Promise.all(drafts.messages.map((message) => host.signer.sign(message))));
    }
    // Four are made with the generation: two for P-256, one for each other group.
    expect(replaced).toBe(limits.slotsPerGeneration - 4);
  });

  test('a signature that never comes uses up nothing', async () => {
    const [initiator, host] = await twoHosts();
    const offered = async () => String((await solved(initiator, host)).group?.publicValue);
    const spend = async () => {
      const recognised = host.responder.recognise({ ...(await solved(initiator, host)), now: 0 });
      if (typeof recognised === 'string') throw new Error(recognised);
      host.responder.accept(recognised, 0);
    };
    await spend();
    await spend();
    const last = await offered();
    for (let count = 0; count < limits.slotsPerGeneration; count++)
      expect(host.responder.draftMissing(0)?.messages.length).toBe(1);
    expect(await offered()).toBe(last);
    const drafts = host.responder.draftMissing(0);
    drafts?.finish(await Promise.all(drafts.messages.map((message) => host.signer.sign(message))));
    expect(await offered()).not.toBe(last);
  });

  test.each([
    [[7, 8, 9], 7],
    [[9, 8, 7], 7],
    [[9, 8], 8],
    [[3, 9], 9],
    [[3, 4], 7],
    [[], 7],
  ])('RFC 7401 §6.7, step 4: for groups %j the R1 has %i', async (groups, expected) => {
    const [initiator, host] = await twoHosts();
    const [i1 = new Uint8Array()] = await initiator.packets({ type: 'connect', to: host.locator });
    const packet = { ...parsed(i1), parameters: [{ name: 'DH_GROUP_LIST' as const, groups }] };
    const r1 = parsed(host.responder.answer(packet, initiator.locator, 0) ?? new Uint8Array());
    expect(parameter(r1, 'DIFFIE_HELLMAN')?.group).toBe(expected);
    expect(parameter(r1, 'DH_GROUP_LIST')?.groups).toEqual([7, 8, 9]);
  });
});

describe('RFC 7401 §6.7: R1s are rate-limited', () => {
  test.each([true, false])(
    `${limits.r1sPerAddress} an address and window, each address for itself, known: %s`,
    (isKnown) => {
      const rate = new R1RateLimit();
      const allowed = (address: string, now: number) =>
        Array.from({ length: limits.r1sPerAddress + 5 }, () => rate.allow(address, now, isKnown)).filter(
          Boolean,
        ).length;
      expect(allowed('192.0.2.1', 0)).toBe(limits.r1sPerAddress);
      expect(allowed('192.0.2.2', limits.r1WindowMs - 1)).toBe(limits.r1sPerAddress);
      expect(rate.allow('192.0.2.1', limits.r1WindowMs - 1, isKnown)).toBe(false);
      expect(rate.allow('192.0.2.1', limits.r1WindowMs, isKnown)).toBe(true);
    },
  );

  test(`${limits.r1sInAll} to all strangers, who take nothing from a peer where it is known to be`, () => {
    const rate = new R1RateLimit();
    let allowed = 0;
    for (let host = 0; host < limits.r1sInAll + 10; host++)
      if (rate.allow(`address ${host}`, 5, false)) allowed++;
    expect(allowed).toBe(limits.r1sInAll);
    expect(rate.allow('192.0.2.1', 5, false)).toBe(false);
    expect(rate.allow('192.0.2.1', 5, true)).toBe(true);
  });
});
