import { toHex } from '../bytes/bytes.ts';
import { formatHit } from './host-identity-tag.ts';
import { notifyTypeName } from './notify.ts';
import type { Parameter } from './parameter-fields.ts';
import { isCritical, parameterSection, parameterType } from './parameters.ts';
import { espSuites, hipCiphers } from './suites.ts';

type FlatField = string | number | boolean;
type FieldDescription =
  | FlatField
  | readonly number[]
  | readonly string[]
  | readonly Readonly<Record<string, FlatField>>[];

export type ParameterDescription = {
  readonly type: number;
  readonly name: string;
  readonly critical: boolean;
  readonly section: string | null;
  readonly offset: number;
  /** Byte strings as hexadecimal, addresses as text, 64-bit numbers as decimal text; `meaning` names what numbers stand for. */
  readonly fields: Readonly<Record<string, FieldDescription>>;
};

export function describeParameter(parameter: Parameter, offset: number): ParameterDescription {
  const type = parameterType(parameter);
  const { name, ...fields } = parameter;
  const shown = Object.entries(fields)
    .filter(([field]) => field !== 'type')
    .map(([field, value]) => [field, shownValue(field, value)] as const);
  const meaning = meaningOf(parameter);
  return {
    type,
    name,
    critical: isCritical(type),
    section: parameter.name === 'unknown' ? null : parameterSection(parameter),
    offset,
    fields: Object.fromEntries(meaning === undefined ? shown : [...shown, ['meaning', meaning]]),
  };
}

/** One line of a field's value for a person. */
export function fieldText(value: FieldDescription): string {
  if (typeof value !== 'object') return String(value);
  return value
    .map((element) =>
      typeof element === 'object'
        ? `{ ${Object.entries(element)
            .map(([field, inner]) => `${field} ${inner}`)
            .join(', ')} }`
        : String(element),
    )
    .join(', ');
}

/** An IPv4 address, also one mapped into IPv6 (RFC 4291 §2.5.5.2), or an IPv6 address. */
export function addressText(address: Uint8Array): string {
  if (address.length === 4) return address.join('.');
  const isMapped = toHex(address.subarray(0, 12)) === '00000000000000000000ffff';
  return isMapped ? address.subarray(12).join('.') : formatHit(address);
}

type FlatValue = Uint8Array | FlatField;
type FieldValue = FlatValue | bigint | readonly (FlatValue | object)[];

function shownValue(field: string, value: FieldValue): FieldDescription {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value instanceof Uint8Array) return shownFlat(field, value);
  if (value.every((element) => typeof element === 'number')) return value;
  if (value.every((element) => element instanceof Uint8Array)) return value.map(addressText);
  return value.map((element) =>
    Object.fromEntries(
      Object.entries(element).map(([inner, content]: [string, FlatValue]) => [
        inner,
        shownFlat(inner, content),
      ]),
    ),
  );
}

function shownFlat(field: string, value: FlatValue): FlatField {
  if (!(value instanceof Uint8Array)) return value;
  return /address$/i.test(field) ? addressText(value) : toHex(value);
}

const groupNames: Readonly<Record<number, string>> = {
  3: '1536-bit MODP',
  4: '3072-bit MODP',
  7: 'NIST P-256',
  8: 'NIST P-384',
  9: 'NIST P-521',
  10: 'SECP160R1',
  11: '2048-bit MODP',
};
const algorithmNames: Readonly<Record<number, string>> = {
  3: 'DSA',
  5: 'RSA',
  7: 'ECDSA',
  9: 'ECDSA_LOW',
  13: 'EdDSA',
};
const hitSuiteNames: Readonly<Record<number, string>> = {
  16: 'RSA,DSA/SHA-256',
  32: 'ECDSA/SHA-384',
  48: 'ECDSA_LOW/SHA-1',
  80: 'EdDSA/cSHAKE128',
};
const traversalModes: Readonly<Record<number, string>> = {
  1: 'UDP-ENCAPSULATION',
  2: 'ICE-STUN-UDP',
  3: 'ICE-HIP-UDP',
};
/** RFC 8004 §4.1, RFC 9028 §5.9. */
const registrationTypes: Readonly<Record<number, string>> = {
  1: 'RENDEZVOUS',
  2: 'RELAY_UDP_HIP',
  3: 'RELAY_UDP_ESP',
};
const failureTypes: Readonly<Record<number, string>> = {
  0: 'additional credentials required',
  1: 'type unavailable',
  2: 'insufficient resources',
  3: 'invalid certificate',
};

function named(names: Readonly<Record<number, string>>, ...values: readonly number[]): string {
  return values.map((value) => names[value] ?? 'unknown').join(', ');
}

function namedById(known: readonly { id: number; name: string }[], values: readonly number[]): string {
  return values.map((value) => known.find(({ id }) => id === value)?.name ?? 'unknown').join(', ');
}

/** What a parameter's numbers stand for, where somebody who reads it would have to look that up. */
function meaningOf(parameter: Parameter): string | undefined {
  switch (parameter.name) {
    case 'NOTIFICATION':
      return notifyTypeName(parameter.messageType) ?? 'unknown';
    case 'DH_GROUP_LIST':
      return named(groupNames, ...parameter.groups);
    case 'DIFFIE_HELLMAN':
      return named(groupNames, parameter.group);
    case 'HIP_CIPHER':
      return namedById(hipCiphers, parameter.ciphers);
    case 'ESP_TRANSFORM':
      return namedById(espSuites, parameter.suites);
    case 'HIT_SUITE_LIST':
      return named(hitSuiteNames, ...parameter.suites);
    case 'HOST_ID':
    case 'HIP_SIGNATURE':
    case 'HIP_SIGNATURE_2':
      return named(algorithmNames, parameter.algorithm);
    case 'NAT_TRAVERSAL_MODE':
      return named(traversalModes, ...parameter.modes);
    case 'REG_INFO':
      return `${named(registrationTypes, ...parameter.types)} for ${lifetimeText(parameter.minLifetime)} to ${lifetimeText(parameter.maxLifetime)}`;
    case 'REG_REQUEST':
    case 'REG_RESPONSE':
      return `${named(registrationTypes, ...parameter.types)} for ${lifetimeText(parameter.lifetime)}`;
    case 'REG_FAILED':
      return `${named(registrationTypes, ...parameter.types)}: ${named(failureTypes, parameter.failure)}`;
    default:
      return undefined;
  }
}

/** RFC 8003 §4.1. */
function lifetimeText(lifetime: number): string {
  const seconds = lifetime === 0 ? 0 : 2 ** ((lifetime - 64) / 8);
  return `${Number(seconds.toPrecision(3))} s`;
}
