import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Writer } from '../../firmware/bytes/writer.ts';
import { readFrameFacts } from '../../firmware/capture/frame-facts.ts';
import { limits } from '../../firmware/capture/limits.ts';
import { ethernetLinkType, rawLinkType } from '../../firmware/capture/link-layer.ts';
import { parsePacketFilter } from '../../firmware/capture/packet-filter.ts';
import { inIp, inUdp } from './capture-file.ts';

const [near, far] = ['02:00:00:00:00:10', '02:00:00:00:00:01'];
const macOctets = (text: string) => Uint8Array.from(text.split(':'), (part) => Number.parseInt(part, 16));

function ethernet(type: number, payload: Uint8Array): Uint8Array {
  return new Writer().bytes(macOctets(far)).bytes(macOctets(near)).u16(type).bytes(payload).finish();
}

const ports = new Writer().u16(40_000).u16(502).u32(0).finish();
const ipv4 = (protocol: number, payload: Uint8Array) => ethernet(0x0800, inIp(4, protocol, payload));
const ipv6 = (protocol: number) => ethernet(0x86dd, inIp(6, protocol, ports));
const frames = {
  modbus: ipv4(6, ports),
  dns: ipv4(17, inUdp(new Uint8Array(4), 40_000, 53)),
  ping: ipv4(1, ports),
  later: ethernet(0x0800, inIp(4, 6, ports, { flagsAndOffset: 100 })),
  ping6: ipv6(58),
  tcp6: ipv6(6),
  esp: ipv4(50, ports),
  arp: ethernet(0x0806, new Uint8Array(28)),
} as const;

function wanted(text: string): string[] {
  const filter = parsePacketFilter(text);
  if (!filter.ok) throw new Error(filter.problem);
  return Object.entries(frames)
    .filter(([, frame]) => filter.value(readFrameFacts(ethernetLinkType, frame)))
    .map(([name]) => name);
}

const all = Object.keys(frames);
const ipv4s = ['modbus', 'dns', 'ping', 'later', 'esp'];

describe('a filter in tcpdump’s words', () => {
  test.each([
    ['', all],
    ['tcp', ['modbus', 'later', 'tcp6']],
    ['udp', ['dns']],
    ['icmp', ['ping', 'ping6']],
    ['esp or arp', ['esp', 'arp']],
    ['ip', ipv4s],
    ['ip6', ['ping6', 'tcp6']],
    ['proto 50', ['esp']],
    ['port 502', ['modbus', 'tcp6']],
    ['dst port 502 and ip', ['modbus']],
    ['src port 502', []],
    ['portrange 50-60', ['dns']],
    ['host 192.0.2.2', ipv4s],
    ['src host 192.0.2.2', []],
    ['dst net 192.0.2.2/31 and not (tcp or udp)', ['ping', 'esp']],
    ['host 2001:db8::1', ['ping6', 'tcp6']],
    ['net 2001:db8::/32', ['ping6', 'tcp6']],
    ['net 0.0.0.0/0', ipv4s],
    [`ether host ${near.toUpperCase()}`, all],
    [`dst ether host ${near}`, []],
    ['arp or udp and ip6', ['arp']],
    ['(arp or udp) and ip6', []],
    ['not not arp', ['arp']],
    ['tcp port 502', ['modbus', 'tcp6']],
    ['udp dst port 53', ['dns']],
    ['ip host 192.0.2.2', ipv4s],
    ['ip6 net 2001:db8::/32 or tcp port 502 and ip', ['modbus', 'ping6', 'tcp6']],
    ['icmp6', ['ping6']],
    ['!port 502 && tcp', ['later']],
    ['arp||(udp&&!ip6)', ['dns', 'arp']],
  ])('%s', (text, expected) => expect(wanted(text)).toEqual(expected));

  test.each([
    ['host', 'an address is missing at the end'],
    ['host 10.0.0.0/8', '10.0.0.0/8 is no address'],
    ['net 10.0.0.1', '10.0.0.1 is no network, as 10.0.0.0/8'],
    ['port 65536', '65536 is no number from 0 to 65535'],
    ['port 1-2', '1-2 is no port'],
    ['proto 256', '256 is no number from 0 to 255'],
    ['src tcp', 'tcp is not a word of filters here'],
    ['tcp udp', 'udp stands where "and", "or" or the end is expected'],
    ['(tcp', 'a bracket is not closed'],
    ['tcp)', ') stands where "and", "or" or the end is expected'],
    ['ether 02:00:00:00:00:10', '"ether" wants "host" after it'],
    ['vlan 7', 'vlan is not a word of filters here'],
    ['constructor', 'constructor is not a word of filters here'],
    [
      `${'not '.repeat(limits.filterDepth + 1)}tcp`,
      `"not" and brackets go deeper than ${limits.filterDepth}`,
    ],
    ['x'.repeat(limits.filterLength + 1), `a filter has at most ${limits.filterLength} characters`],
  ])('%s is refused', (text, problem) => expect(parsePacketFilter(text)).toEqual({ ok: false, problem }));

  test('the deepest and the longest are taken', () => {
    expect(parsePacketFilter(`${'not '.repeat(limits.filterDepth)}tcp`).ok).toBe(true);
    expect(parsePacketFilter(`tcp${' '.repeat(limits.filterLength - 3)}`).ok).toBe(true);
  });

  test('any words and any octets: an answer, never an exception', () => {
    const word = fc.constantFrom(
      'tcp',
      'port',
      '7',
      'and',
      'or',
      'not',
      '(',
      ')',
      'host',
      '10.0.0.1',
      'src',
      'ether',
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), fc.uint8Array({ maxLength: 80 }), (words, octets) => {
        const filter = parsePacketFilter(words.join(' '));
        for (const linkType of [ethernetLinkType, rawLinkType])
          if (filter.ok) expect(typeof filter.value(readFrameFacts(linkType, octets))).toBe('boolean');
          else expect(filter.problem).not.toBe('');
      }),
    );
  });
});
