import { expect, test } from 'vitest';
import { widened } from '../../../firmware/flows/learn/groups.ts';
import { Learner } from '../../../firmware/flows/learn/learn.ts';
import { limits } from '../../../firmware/flows/learn/limits.ts';
import { aFlow } from '../flow.fixture.ts';

/** Every source with every destination but the last pair, which labels may speak for. */
function almostAll(sources: number, destinations: number) {
  const froms = Array.from({ length: sources }, (_, index) => index);
  const tos = Array.from({ length: destinations }, (_, index) => sources + index);
  const seen = froms
    .flatMap((source) => tos.map((destination) => ({ source, destination, service: 0 })))
    .slice(0, -1);
  const group = (name: string, members: readonly number[]) => ({
    selector: { labels: [name] },
    members: new Set(members),
  });
  return widened([group('a', froms), group('b', tos)], seen).length;
}

test('labels of as many pairs as limits say speak for pairs that were not seen, larger ones do not', () => {
  const destinations = limits.labelPairs / 100;
  expect(almostAll(100, destinations)).toBe(limits.labelPairs);
  expect(almostAll(101, destinations)).toBe(0);
});

test('a proposal names as many examples as limits say, what was most often seen first', () => {
  const input = {
    policy: { labels: [], peerLabels: {}, devices: [], rules: [], unknownDevices: 'permitted' as const },
    ...{ own: {}, peers: [] },
  };
  const learner = new Learner(input, { from: 'undecided', exact: true });
  for (let port = 1; port <= limits.examples + 1; port += 1)
    for (let times = 0; times < port; times += 1)
      learner.add(aFlow({ from: '192.0.2.1', to: '192.0.2.2', port }));
  const [proposal] = learner.propose().proposals;
  expect(proposal?.evidence.examples.map(({ port }) => port)).toEqual([4, 3, 2]);
});
