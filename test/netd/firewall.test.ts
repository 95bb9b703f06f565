import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type FirewallInput, renderFirewall } from '../../firmware/netd/firewall.ts';

const twoPorts: FirewallInput = {
  underlay: ['eth0'],
  dhcpClients: ['eth0'],
  dhcpv6Clients: [],
  lans: ['br-lan'],
  management: null,
  dhcpServers: ['br-lan'],
  timeServers: [],
  announced: [],
  internet: [],
  internetIpv6: [],
  mapped: [],
  apart: [],
  overlay: 'hip0',
  pageOnUnderlay: false,
};

const cases: [string, FirewallInput][] = [
  ['firewall-two-ports', twoPorts],
  ['firewall-one-port-unclaimed', { ...twoPorts, lans: [], dhcpServers: [], pageOnUnderlay: true }],
  [
    'firewall-two-uplinks-management',
    { ...twoPorts, underlay: ['eth0', 'enp3s0'], dhcpClients: [], management: 'br-mgmt', dhcpServers: [] },
  ],
  [
    'firewall-networks',
    {
      ...twoPorts,
      ...{ lans: ['br-lan', 'br-guest'], dhcpServers: ['br-lan', 'br-guest'], announced: ['br-lan'] },
      ...{ internet: ['br-guest'], mapped: [{ inside: '192.168.1.0/24', outside: '10.77.1.0/24' }] },
    },
  ],
  [
    'firewall-delegated',
    {
      ...{ ...twoPorts, dhcpv6Clients: ['eth0'], announced: ['br-lan'] },
      ...{ internet: ['br-lan'], internetIpv6: ['br-lan'] },
    },
  ],
  ['firewall-ports-apart', { ...twoPorts, lans: ['br-lan', 'br-guest'], apart: ['br-guest'] }],
];

test.each(cases)('%s is the recorded ruleset', (name, input) => {
  expect(renderFirewall(input)).toBe(
    readFileSync(new URL(`../golden/netd/${name}.nft`, import.meta.url), 'utf8'),
  );
});

test('the time is told to the networks that the settings name, and to no other link', () => {
  const lines = renderFirewall(twoPorts).split('\n');
  const told = renderFirewall({ ...twoPorts, timeServers: ['br-lan'] }).split('\n');
  const rule = '\t\tiifname "br-lan" udp dport 123 accept';
  expect(told.filter((line) => !lines.includes(line))).toEqual([rule]);
  const chains = told.join('\n').split('\tchain ');
  expect(chains.filter((chain) => chain.includes(rule)).map((chain) => chain.split(' ')[0])).toEqual([
    'input_lan',
  ]);
});

test('claiming closes the page on the underlay and changes nothing else', () => {
  const open = renderFirewall({ ...twoPorts, lans: [], pageOnUnderlay: true });
  const closed = renderFirewall({ ...twoPorts, lans: [], pageOnUnderlay: false });
  const lines = closed.split('\n');
  expect(open.split('\n').filter((line) => !lines.includes(line))).toEqual([
    '\t\ttcp dport 443 accept comment "page until claimed"',
  ]);
});

test('a box without any port denies everything', () => {
  const text = renderFirewall({ ...twoPorts, underlay: [], dhcpClients: [], lans: [] });
  expect(text).toContain('iifname vmap { "hip0" : jump input_overlay }');
  expect(text).not.toContain('oifname {  }');
});

test('a name that would break out of its quotes is an error of the caller', () => {
  expect(() => renderFirewall({ ...twoPorts, underlay: ['eth0" accept #'] })).toThrowError(
    expect.objectContaining({ code: 'bad-interface-name' }),
  );
});
