import { toHex } from '../bytes/bytes.ts';
import type {
  AssociationState,
  InboundSecurityAssociation,
  OutboundSecurityAssociation,
} from './association.ts';
import { type EspKeys, espKeyLength, type Keymat } from './key-material.ts';
import type { EspSuiteName } from './suites.ts';

/** Wireshark's names of the algorithms (epan/dissectors/packet-ipsec.c). AES-CCM with an ICV of 16 octets is not among them. */
const algorithms: Readonly<Record<EspSuiteName, readonly [encryption: string, authentication: string]>> = {
  'aes-gcm-16': ['AES-GCM with 16 octet ICV [RFC4106]', 'NULL'],
  'aes-128-cbc-hmac-sha-256': ['AES-CBC [RFC3602]', 'HMAC-SHA-256-128 [RFC4868]'],
  'aes-256-cbc-hmac-sha-256': ['AES-CBC [RFC3602]', 'HMAC-SHA-256-128 [RFC4868]'],
  'aes-ccm-16': ['AES-CCM with 16 octet ICV [RFC4309]', 'NULL'],
  'null-hmac-sha-256': ['NULL', 'HMAC-SHA-256-128 [RFC4868]'],
};

/**
 * A security association as a line of Wireshark's `esp_sa` table. Its addresses are left open: a NAT changes them on the
 * way, and the peer may move; the SPI is enough.
 */
export function keyLogRow(association: InboundSecurityAssociation | OutboundSecurityAssociation): string {
  const { spi, suite, keys } = association;
  const { address } = 'from' in association ? association.from : association.to;
  const [encryption, authentication] = algorithms[suite.name];
  const columns = [
    address.includes(':') ? 'IPv6' : 'IPv4',
    '*',
    '*',
    `0x${spi.toString(16).padStart(8, '0')}`,
    encryption,
    keyText(keys, 'encryption'),
    authentication,
    keyText(keys, 'authentication'),
  ];
  return `${columns.map((column) => `"${column}"`).join(',')}\n`;
}

/** Where the keys came from: the Diffie-Hellman secret, and KEYMAT up to the octet after them (RFC 7401 §6.5). */
export function keyLogComment(
  state: AssociationState,
  ends: { readonly local: string; readonly peer: string },
): string {
  const source = keySource(state);
  if (source === undefined) return '';
  const { keymat, end } = source;
  return [
    `# ${ends.local} with ${ends.peer}\n`,
    `# DH secret 0x${toHex(keymat.sharedSecret.reveal())}\n`,
    `# KEYMAT 0x${toHex(keymat.upTo(end).reveal())}\n`,
  ].join('');
}

function keySource(state: AssociationState): { keymat: Keymat; end: number } | undefined {
  if (state.name === 'I2-SENT') {
    const { keys, suite } = state.exchange;
    return { keymat: keys.keymat, end: keys.keymatIndex + espKeyLength(suite) };
  }
  if (state.name !== 'R2-SENT' && state.name !== 'ESTABLISHED') return undefined;
  const { keymat, keymatIndex, rekey, suite } = state.association;
  const drawn = rekey?.drawn;
  return drawn === undefined
    ? { keymat, end: keymatIndex }
    : { keymat: drawn.keymat, end: drawn.keymatIndex + espKeyLength(suite) };
}

function keyText(keys: EspKeys, name: keyof EspKeys): string {
  const octets = keys[name].reveal();
  return octets.length === 0 ? '' : `0x${toHex(octets)}`;
}
