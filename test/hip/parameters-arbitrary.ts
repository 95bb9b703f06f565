import * as fc from 'fast-check';
import type { AnnouncedAddress, Parameter } from '../../firmware/hip/parameter-fields.ts';
import { catalogue, isRepeatable, parameterType } from '../../firmware/hip/parameters.ts';

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const bytes = (maxLength = 40) => fc.uint8Array({ maxLength });
const shortList = fc.array(u16, { maxLength: 6 });
const named = <Name extends string, Fields extends object>(name: Name, fields: fc.Arbitrary<Fields>) =>
  fields.map((values) => ({ name, ...values }));

const mac = fc.record({ mac: bytes(48) });
const signature = fc.record({ algorithm: u16, signature: bytes(96) });
const echo = fc.record({ data: bytes() });
const address = fc.uint8Array({ minLength: 16, maxLength: 16 });
const words = fc
  .array(u32, { maxLength: 4 })
  .map((values) => new Uint8Array(Uint32Array.from(values).buffer));
const announcedAddress: fc.Arbitrary<AnnouncedAddress> = fc.oneof(
  fc.record({ kind: fc.constant('address' as const), address }),
  fc.record({ kind: fc.constant('esp' as const), spi: u32, address }),
  fc.record({
    kind: fc.constant('transport' as const),
    ...{ port: u16, protocol: u8, candidateKind: u8, priority: u32, spi: u32, address },
  }),
  fc.record({
    kind: fc.constant('unknown' as const),
    locatorType: fc.integer({ min: 3, max: 0xff }),
    locator: words,
  }),
);
const announcedLocator = fc
  .tuple(announcedAddress, fc.record({ trafficType: u8, preferred: fc.boolean(), lifetime: u32 }))
  .map(([where, how]) => ({ ...where, ...how }));
const types = fc.array(u8, { maxLength: 6 });
const registration = fc.record({ lifetime: u8, types });
const transportAddress = fc.record({ port: u16, protocol: u8, address });
const value = fc.record({ value: u32 });
const permission = fc.record({
  ...{ relayPort: u16, peerPort: u16, protocol: u8, relayAddress: address, peerAddress: address },
  ...{ outboundSpi: u32, inboundSpi: u32 },
});
const knownTypes = new Set(Object.values(catalogue).map(({ type }) => type));

/** Any parameter that may be written, unknown non-critical ones included. */
export const anyParameter: fc.Arbitrary<Parameter> = fc.oneof(
  named('ESP_INFO', fc.record({ keymatIndex: u16, oldSpi: u32, newSpi: u32 })),
  named(
    'R1_COUNTER',
    fc.record({ reserved: u32, counter: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }) }),
  ),
  named('LOCATOR_SET', fc.record({ locators: fc.array(announcedLocator, { maxLength: 4 }) })),
  named('PUZZLE', fc.record({ difficulty: u8, lifetime: u8, opaque: u16, random: bytes(48) })),
  named(
    'SOLUTION',
    fc.tuple(u8, u16, bytes(48)).map(([difficulty, opaque, random]) => ({
      difficulty,
      opaque,
      random,
      solution: random.slice().reverse(),
    })),
  ),
  named('SEQ', fc.record({ updateId: u32 })),
  named('ACK', fc.record({ updateIds: fc.array(u32, { minLength: 1, maxLength: 9 }) })),
  named('DH_GROUP_LIST', fc.record({ groups: fc.array(u8, { maxLength: 12 }) })),
  named('DIFFIE_HELLMAN', fc.record({ group: u8, publicValue: bytes(132) })),
  named('HIP_CIPHER', fc.record({ ciphers: shortList })),
  named('NAT_TRAVERSAL_MODE', fc.record({ modes: shortList })),
  named('ENCRYPTED', echo),
  named(
    'HOST_ID',
    fc.record({
      algorithm: u16,
      identity: bytes(99),
      domainType: fc.integer({ min: 0, max: 15 }),
      domain: bytes(),
    }),
  ),
  named('HIT_SUITE_LIST', fc.record({ suites: fc.array(u8, { maxLength: 12 }) })),
  named('CERT', fc.record({ group: u8, count: u8, id: u8, certificateType: u8, certificate: bytes(200) })),
  named('NOTIFICATION', fc.record({ messageType: u16, data: bytes() })),
  named('ECHO_REQUEST_SIGNED', echo),
  named('ECHO_RESPONSE_SIGNED', echo),
  named('TRANSPORT_FORMAT_LIST', fc.record({ formats: fc.array(u16, { maxLength: 9 }) })),
  named('ESP_TRANSFORM', fc.record({ suites: shortList })),
  named('HIP_MAC', mac),
  named('HIP_MAC_2', mac),
  named('HIP_SIGNATURE_2', signature),
  named('HIP_SIGNATURE', signature),
  named('ECHO_RESPONSE_UNSIGNED', echo),
  named('ECHO_REQUEST_UNSIGNED', echo),
  named('TRANSACTION_PACING', value),
  named('REG_INFO', fc.record({ minLifetime: u8, maxLifetime: u8, types })),
  named('REG_REQUEST', registration),
  named('REG_RESPONSE', registration),
  named('REG_FAILED', fc.record({ failure: u8, types })),
  named('REG_FROM', transportAddress),
  named('RELAYED_ADDRESS', transportAddress),
  named('MAPPED_ADDRESS', transportAddress),
  named('PEER_PERMISSION', fc.record({ permissions: fc.array(permission, { minLength: 1, maxLength: 3 }) })),
  named('CANDIDATE_PRIORITY', value),
  named('NOMINATE', value),
  named('RELAY_FROM', transportAddress),
  named('RELAY_TO', transportAddress),
  named('FROM', fc.record({ address })),
  named('RVS_HMAC', mac),
  named('VIA_RVS', fc.record({ addresses: fc.array(address, { maxLength: 3 }) })),
  named('RELAY_HMAC', mac),
  named(
    'unknown',
    fc.record({ type: u16.filter((type) => type % 2 === 0 && !knownTypes.has(type)), contents: bytes() }),
  ),
);

/** Parameters in wire order, none doubled that may not be. */
export const parameterList: fc.Arbitrary<Parameter[]> = fc
  .array(anyParameter, { maxLength: 8 })
  .map((list) => {
    const sorted = list.toSorted((left, right) => parameterType(left) - parameterType(right));
    return sorted.filter(
      (parameter, index) =>
        isRepeatable(parameter) || sorted.findIndex((other) => other.name === parameter.name) === index,
    );
  });
