import { expect, test } from 'vitest';
import { OverlayError } from '../../../firmware/netd/overlay/error.ts';
import { readPeers } from '../../../firmware/netd/overlay/peer.ts';
import { PeerGuard } from '../../../firmware/netd/overlay/peer-guard.ts';
import { segmentMtu } from '../../../firmware/netd/overlay/routes.ts';

const all = readPeers(
  [
    { name: 'b', uri: 'hip://192.0.2.2/2001:22::b', protectedPrefixes: ['10.2.0.0/16', 'fd20::/64'] },
    { name: 'c', uri: 'hip://192.0.2.3/2001:22::c', protectedPrefixes: ['10.3.0.0/16'] },
  ],
  (hit) => (hit.endsWith('b') ? 0xb : 0xc),
);
const [b] = all;
if (b === undefined) throw new Error('no peer');

/** nftables that keeps what it is told, and refuses the next where it is told to. */
function guard() {
  const inputs: string[] = [];
  let refuses = 0;
  const nft = async (input: string) => {
    inputs.push(input);
    if (refuses-- > 0) throw new OverlayError('command-failed', 'nft: no such table');
  };
  return {
    guard: new PeerGuard({ nft }, '2001:22::a'),
    inputs,
    refuse: (times: number) => {
      refuses = times;
    },
  };
}

test('peers that come and go touch nothing of those who stay, and the same peers nothing at all', async () => {
  const { guard: door, inputs } = guard();
  await door.letIn([b], 1500);
  expect(inputs).toHaveLength(1);
  await door.letIn([b], 1500);
  expect(inputs).toHaveLength(1);
  await door.letIn(all, 1500);
  await door.letIn([b], 1500);
  for (const [verb, input = ''] of [
    ['add', inputs[1]],
    ['delete', inputs[2]],
  ]) {
    expect(input).not.toMatch(/delete (table|set)|flush (table|set)|0xb \.|fd20/);
    expect(input.match(/^\w+ element .*$/gm)).toEqual([
      `${verb} element inet hithe_overlay peer_sources_ipv4 { 0xc . 10.3.0.0/16 }`,
      `${verb} element inet hithe_admission peer_tags { 0x2001002200000000000000000000000c }`,
    ]);
  }
});

test('another MTU of the underlay changes the segments, and no set', async () => {
  const { guard: door, inputs } = guard();
  await door.letIn(all, 1500);
  await door.letIn(all, 1400);
  expect(inputs[1]).toContain(` maxseg size set ${segmentMtu(1400) - 40}\n`);
  expect(inputs[1]).not.toMatch(/element|delete table/);
});

test('tables that somebody else has changed are made anew; what nftables refuses whole is told', async () => {
  const { guard: door, inputs, refuse } = guard();
  await door.letIn([b], 1500);
  refuse(1);
  await door.letIn(all, 1500);
  expect(inputs).toHaveLength(3);
  expect(inputs[2]).toMatch(/^add table inet hithe_overlay\ndelete table inet hithe_overlay\n/);
  refuse(2);
  await expect(door.letIn([b], 1500)).rejects.toThrow('no such table');
  // Nothing is certain now.
  await door.letIn(all, 1500);
  expect(inputs.at(-1)).toMatch(/^add table/);
});

test('after the end all is made anew', async () => {
  const { guard: door, inputs } = guard();
  await door.letIn(all, 1500);
  await door.close();
  expect(inputs[1]).toMatch(/delete table inet hithe_overlay\n.*\ndelete table inet hithe_admission\n$/s);
  await door.letIn(all, 1500);
  expect(inputs[2]).toBe(inputs[0]);
});
