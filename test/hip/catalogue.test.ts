import { describe, expect, test } from 'vitest';
import { concatBytes, fromHex } from '../../firmware/bytes/bytes.ts';
import { Writer } from '../../firmware/bytes/writer.ts';
import type { Parameter } from '../../firmware/hip/parameter-fields.ts';
import { catalogue, isCritical, writeParameter } from '../../firmware/hip/parameters.ts';

function written(parameter: Parameter): Uint8Array {
  const writer = new Writer();
  writeParameter(writer, parameter);
  return writer.finish();
}

describe('the catalogue', () => {
  /** The table of RFC 7401 §5.2, and the types of RFC 7402 §5.1, 8002 §2, 8003 §4, 8004 §4.2, 8046 §4 and 9028 §5. */
  const types = {
    ...{
      ESP_INFO: 65,
      R1_COUNTER: 129,
      LOCATOR_SET: 193,
      PUZZLE: 257,
      SOLUTION: 321,
      SEQ: 385,
      ACK: 449,
      DH_GROUP_LIST: 511,
    },
    ...{ DIFFIE_HELLMAN: 513, HIP_CIPHER: 579, NAT_TRAVERSAL_MODE: 608, ENCRYPTED: 641, HOST_ID: 705 },
    ...{
      HIT_SUITE_LIST: 715,
      CERT: 768,
      NOTIFICATION: 832,
      ECHO_REQUEST_SIGNED: 897,
      ECHO_RESPONSE_SIGNED: 961,
    },
    ...{ TRANSPORT_FORMAT_LIST: 2049, ESP_TRANSFORM: 4095, HIP_MAC: 61505, HIP_MAC_2: 61569 },
    ...{
      HIP_SIGNATURE_2: 61633,
      HIP_SIGNATURE: 61697,
      ECHO_RESPONSE_UNSIGNED: 63425,
      ECHO_REQUEST_UNSIGNED: 63661,
    },
    ...{ TRANSACTION_PACING: 610, REG_INFO: 930, REG_REQUEST: 932, REG_RESPONSE: 934, REG_FAILED: 936 },
    ...{ REG_FROM: 950, RELAYED_ADDRESS: 4650, MAPPED_ADDRESS: 4660, PEER_PERMISSION: 4680 },
    ...{ CANDIDATE_PRIORITY: 4700, NOMINATE: 4710, RELAY_FROM: 63998, RELAY_TO: 64002 },
    ...{ FROM: 65498, RVS_HMAC: 65500, VIA_RVS: 65502, RELAY_HMAC: 65520 },
  };

  test('has every type under its number', () => {
    expect(Object.fromEntries(Object.entries(catalogue).map(([name, { type }]) => [name, type]))).toEqual(
      types,
    );
  });

  test('of RFC 7401, 7402 and 8046 only NOTIFICATION is not critical; all of the extensions may be passed over', () => {
    const { NOTIFICATION, ...others } = types;
    expect(isCritical(NOTIFICATION)).toBe(false);
    const tolerant = Object.entries(others).filter(([, type]) => !isCritical(type));
    expect(tolerant.map(([name]) => name).toSorted()).toEqual(
      ['CERT', 'NAT_TRAVERSAL_MODE', 'TRANSACTION_PACING', 'REG_INFO', 'REG_REQUEST', 'REG_RESPONSE']
        .concat(['REG_FAILED', 'REG_FROM', 'RELAYED_ADDRESS', 'MAPPED_ADDRESS', 'PEER_PERMISSION'])
        .concat(['CANDIDATE_PRIORITY', 'NOMINATE', 'RELAY_FROM', 'RELAY_TO', 'FROM', 'RVS_HMAC', 'VIA_RVS'])
        .concat(['RELAY_HMAC'])
        .toSorted(),
    );
  });

  const mappedHex = '00000000000000000000ffffc0000201';
  const mapped = concatBytes(new Uint8Array(10), Uint8Array.of(0xff, 0xff, 192, 0, 2, 1));

  test.each<[string, Parameter, string]>([
    [
      'RFC 7402 §5.1.1 ESP_INFO',
      { name: 'ESP_INFO', keymatIndex: 0x0102, oldSpi: 3, newSpi: 0x04050607 },
      '0041000c' + '00000102' + '00000003' + '04050607',
    ],
    [
      'RFC 7401 §5.2.3 R1_COUNTER',
      { name: 'R1_COUNTER', reserved: 0xaabbccdd, counter: 5n },
      '0081000c' + 'aabbccdd' + '0000000000000005',
    ],
    [
      'RFC 8046 §4 LOCATOR_SET, of RFC 8046 §4.2 and RFC 9028 §5.7',
      {
        name: 'LOCATOR_SET',
        locators: [
          { kind: 'esp', trafficType: 0, preferred: true, lifetime: 60, spi: 0x0a0b0c0d, address: mapped },
          {
            ...{
              kind: 'transport',
              trafficType: 2,
              preferred: false,
              lifetime: 1,
              port: 10500,
              protocol: 17,
            },
            ...{ candidateKind: 3, priority: 0x7f000001, spi: 5, address: mapped },
          },
          { kind: 'unknown', trafficType: 1, preferred: false, lifetime: 2, locatorType: 9, locator: mapped },
        ],
      },
      '00c10058' +
        ('00010501' + '0000003c' + '0a0b0c0d' + '00000000000000000000ffffc0000201') +
        ('02020700' + '00000001' + '29041103' + '7f000001' + '00000005') +
        ('00000000000000000000ffffc0000201' + '01090400' + '00000002' + '00000000000000000000ffffc0000201') +
        '00000000',
    ],
    [
      'RFC 7401 §5.2.4 PUZZLE',
      { name: 'PUZZLE', difficulty: 1, lifetime: 38, opaque: 0x0a0b, random: Uint8Array.of(9, 8) },
      '01010006' + '01260a0b' + '0908' + '000000000000',
    ],
    [
      'RFC 7401 §5.2.5 SOLUTION',
      {
        name: 'SOLUTION',
        difficulty: 1,
        opaque: 0x0a0b,
        random: Uint8Array.of(9),
        solution: Uint8Array.of(7),
      },
      '01410006' + '01000a0b' + '0907' + '000000000000',
    ],
    [
      'RFC 7401 §5.2.7 DIFFIE_HELLMAN',
      { name: 'DIFFIE_HELLMAN', group: 7, publicValue: Uint8Array.of(1, 2, 3) },
      '02010006' + '070003' + '010203' + '000000000000',
    ],
    [
      'RFC 7401 §5.2.9 HOST_ID',
      {
        name: 'HOST_ID',
        algorithm: 7,
        identity: Uint8Array.of(1, 2),
        domainType: 1,
        domain: Uint8Array.of(3),
      },
      '02c10009' + '0002' + '1001' + '0007' + '0102' + '03' + '000000',
    ],
    [
      'RFC 7401 §5.2.19 NOTIFICATION',
      { name: 'NOTIFICATION', messageType: 16385, data: new Uint8Array() },
      '03400004' + '0000' + '4001',
    ],
    [
      'RFC 7402 §5.1.2 ESP_TRANSFORM',
      { name: 'ESP_TRANSFORM', suites: [13, 8] },
      '0fff0006' + '0000' + '000d' + '0008' + '000000000000',
    ],
    [
      'RFC 8003 §4.2 REG_INFO',
      { name: 'REG_INFO', minLifetime: 64, maxLifetime: 191, types: [1, 2, 3] },
      '03a20005' + '40bf' + '010203' + '00000000000000',
    ],
    [
      'RFC 8003 §4.5 REG_FAILED',
      { name: 'REG_FAILED', failure: 2, types: [1] },
      '03a80002' + '0201' + '0000',
    ],
    ['RFC 8004 §4.2.2 FROM', { name: 'FROM', address: mapped }, `ffda0010${mappedHex}00000000`],
    [
      'RFC 8004 §4.2.3 VIA_RVS',
      { name: 'VIA_RVS', addresses: [mapped, mapped] },
      `ffde0020${mappedHex}${mappedHex}00000000`,
    ],
    [
      'RFC 9028 §5.6 RELAY_TO',
      { name: 'RELAY_TO', port: 10500, protocol: 17, address: mapped },
      `fa02001429041100${mappedHex}`,
    ],
    [
      'RFC 9028 §5.13 PEER_PERMISSION',
      {
        name: 'PEER_PERMISSION',
        permissions: [
          {
            ...{ relayPort: 1, peerPort: 2, protocol: 17, relayAddress: mapped, peerAddress: mapped },
            ...{ outboundSpi: 0x0a0b0c0d, inboundSpi: 5 },
          },
        ],
      },
      '12480030' +
        '00010002' +
        '11000000' +
        `${mappedHex}${mappedHex}` +
        '0a0b0c0d' +
        '00000005' +
        '00000000',
    ],
    [
      'RFC 9028 §5.14 CANDIDATE_PRIORITY',
      { name: 'CANDIDATE_PRIORITY', value: 0x7f000001 },
      '125c0004' + '7f000001',
    ],
    [
      'RFC 7401 §5.2.14 HIP_SIGNATURE',
      { name: 'HIP_SIGNATURE', algorithm: 7, signature: Uint8Array.of(1, 2) },
      'f1010004' + '0007' + '0102',
    ],
  ])('%s stands on the wire as drawn', (_, parameter, expected) => {
    expect(written(parameter)).toEqual(fromHex(expected));
  });
});
