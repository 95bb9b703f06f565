import fc from 'fast-check';
import {
  type FlowEnd,
  type FlowRecord,
  flowDirections,
  flowReasons,
} from '../../firmware/flows/flow-record.ts';

const end = (address: string, more: Partial<FlowEnd> = {}): FlowEnd => ({
  ...{ address, devices: [], gateway: 'this', labels: [] },
  ...more,
});

/** A flow that a rule let through, with what a test wants to be otherwise. */
export function madeFlow(more: Partial<FlowRecord> = {}): FlowRecord {
  return {
    ...{ start: 1_000_000, end: 1_005_000, protocol: 'tcp', port: 502, direction: 'outbound' },
    from: end('192.168.1.10', { devices: ['hmi'], labels: ['zone=control'] }),
    to: end('192.168.2.20', { devices: ['plc'], gateway: 'plant', labels: ['zone=field', 'site=b'] }),
    ...{ verdict: 'allow', rule: 'modbus', reason: 'rule', staged: null },
    ...{ sent: { packets: 7, bytes: 700 }, received: { packets: 5, bytes: 900 } },
    ...more,
  };
}

/** Few values of each kind, so that filters find some; names that would fool a search by text among them. */
export const names = ['a', 'b', 'a","b', ',', '"', 'ä\n'] as const;
export const addresses = [
  '10.0.0.1',
  '10.0.0.2',
  '10.0.1.1',
  'fd00::1',
  'fd00::a:1',
  '255.255.255.255',
  '::',
] as const;
const count = fc.record({ packets: fc.nat(), bytes: fc.maxSafeNat() });
const several = fc.uniqueArray(fc.constantFrom(...names), { maxLength: 3 });

const anyEnd: fc.Arbitrary<FlowEnd> = fc.record(
  {
    address: fc.constantFrom(...addresses),
    devices: several,
    gateway: fc.option(fc.constantFrom('this', ...names)),
    labels: several,
    platform: fc.constantFrom('aws', 'bare-metal'),
    attestation: fc.constantFrom('passed', 'failed', 'unknown'),
  },
  { requiredKeys: ['address', 'devices', 'gateway', 'labels'] },
);

export const anyFlow: fc.Arbitrary<FlowRecord> = fc.record({
  start: fc.nat({ max: 20 }),
  end: fc.option(fc.nat({ max: 20 })),
  from: anyEnd,
  to: anyEnd,
  protocol: fc.constantFrom('tcp', 'udp', 'icmp', '47'),
  port: fc.constantFrom(0, 53, 502),
  direction: fc.constantFrom(...flowDirections),
  verdict: fc.constantFrom('allow', 'deny'),
  rule: fc.option(fc.constantFrom(...names)),
  reason: fc.constantFrom(...flowReasons),
  staged: fc.option(
    fc.record({ rule: fc.constantFrom(...names), verdict: fc.constantFrom('allow', 'deny') }),
  ),
  sent: count,
  received: count,
});
