import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { admissionRemoval, renderAdmission } from '../../../firmware/netd/overlay/admission.ts';
import { readPeers } from '../../../firmware/netd/overlay/peer.ts';

const peer = (name: string, hit: string) => ({ name, uri: `hip://192.0.2.2/${hit}`, protectedPrefixes: [] });
const golden = readFileSync(new URL('../../golden/netd/overlay/admission.nft', import.meta.url), 'utf8');

test('what nftables lets through to the HIP socket, by HITs and rates', () => {
  const peers = readPeers([peer('b', '2001:22::b'), peer('c', '2001:22::c')], () => 7);
  expect(renderAdmission('2001:22::a', peers)).toBe(golden);
});

test('without peers the set of their HITs is empty, and nobody is let through', () => {
  const ruleset = renderAdmission('2001:22::a', []);
  expect(ruleset).not.toContain('elements');
  expect(ruleset).toContain('@th,160,128 != @peer_tags counter drop');
});

test('a HIT of ours that is none is a defect, not an open door', () => {
  expect(() => renderAdmission('192.0.2.1', [])).toThrow(expect.objectContaining({ code: 'bad-peer' }));
});

test('removal names the table that rendering made', () => {
  expect(golden).toContain(admissionRemoval);
});
