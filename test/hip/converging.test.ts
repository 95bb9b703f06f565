import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limits } from '../../firmware/hip/limits.ts';
import { exchange, type Host, twoHosts } from './two-hosts.ts';
import { established } from './wire.ts';

/** What happens to an association: which end, and what, or how long nothing. */
const happening = fc.record({
  end: fc.constantFrom(0, 1),
  what: fc.oneof(
    { weight: 3, arbitrary: fc.constant('rekey' as const) },
    { weight: 2, arbitrary: fc.nat({ max: 5 }) },
    { weight: 1, arbitrary: fc.constant('silence' as const) },
  ),
  wait: fc.constantFrom(0, 0, 300, 1000, 4000),
});

let hosts: readonly [Host, Host] | undefined;

/** The same two hosts for every run, with another association: making identities takes longer than a run. */
async function freshHosts(): Promise<readonly [Host, Host]> {
  hosts ??= await twoHosts();
  for (const host of hosts) host.state = { name: 'UNASSOCIATED', failures: 0 };
  for (const host of hosts) await host.prepareR1s();
  return hosts;
}

describe('rekeys and moves of both ends, in any order, on a wire that loses packets', () => {
  test('once nothing is lost any more, both ends send what the other reads, under keys never used before', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(happening, { minLength: 1, maxLength: 8 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }),
        async (happenings, losses) => {
          const wire = await established(await freshHosts());
          wire.isSteady = false;
          wire.isLost = (_, count) => losses[count] === true;
          for (const { end: index, what, wait } of happenings) {
            const end = wire.ends[index === 0 ? 0 : 1];
            if (what === 'rekey') await wire.input(end, { type: 'rekey' });
            else if (what === 'silence') {
              wire.now += limits.deadPeerMs;
              await wire.input(end, { type: 'traffic', sent: true, received: false });
            } else {
              end.place = { address: `198.51.${index}.${what + 1}`, port: 10500 };
              await wire.input(end, { type: 'own-addresses', addresses: [end.place.address], moved: true });
            }
            if (wait > 0) {
              await wire.deliver();
              await wire.pass(wait);
            }
          }
          await wire.deliver();
          wire.isLost = () => false;
          await wire.pass(limits.rekeyFinishMs + limits.retiredMs);
          // Two ends that moved past each other, or that too many losses parted, know it, and nothing is left.
          const parted = wire.ends.filter(({ host }) => host.state.name === 'UNASSOCIATED');
          for (const { inbound, outbound } of parted)
            expect([inbound.size, outbound]).toEqual([0, undefined]);
          if (parted.length > 0) return;
          expect(wire.ends.map(({ carries }) => carries)).toEqual([true, true]);
          expect(wire.ends.map(({ inbound }) => inbound.size)).toEqual([1, 1]);
          expect(wire.ends.map(({ association }) => association.rekey)).toEqual([undefined, undefined]);
          expect(wire.ends.map(({ association }) => association.outstanding)).toEqual([undefined, undefined]);
        },
      ),
      { numRuns: 25 },
    );
  });

  test('ends that lost each other meet again in a new exchange, with nothing left of the old one', async () => {
    const wire = await established(await freshHosts());
    const [left, right] = wire.ends;
    wire.isSteady = false;
    left.place = { address: '198.51.100.1', port: 10500 };
    right.place = { address: '198.51.100.2', port: 10500 };
    for (const end of wire.ends)
      await wire.settle(end, { type: 'own-addresses', addresses: [end.place.address], moved: true });
    await wire.pass(40_000);
    expect(wire.ends.map(({ host }) => host.state.name)).toEqual(['UNASSOCIATED', 'UNASSOCIATED']);
    await exchange(left.host, right.host, wire.now);
    expect([left.host.state.name, right.host.state.name]).toEqual(['ESTABLISHED', 'R2-SENT']);
  });
});
