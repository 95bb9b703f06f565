import type { Reader } from '../bytes/reader.ts';
import type { Writer } from '../bytes/writer.ts';
import type { ParameterCodec, Parameters } from './parameter-codec.ts';
import type { KnownParameter, Parameter, ParameterFields, ParameterName } from './parameter-fields.ts';
import { baseParameters } from './parameters-base.ts';
import { mobilityParameters } from './parameters-mobility.ts';
import { natParameters } from './parameters-nat.ts';
import { rendezvousParameters } from './parameters-rendezvous.ts';

type Catalogue = Parameters<ParameterName>;

/** Every parameter of RFC 7401, 7402, 8002, 8003, 8004, 8046 and 9028. */
export const catalogue: Catalogue = {
  ...baseParameters,
  ...mobilityParameters,
  ...rendezvousParameters,
  ...natParameters,
};

const nameByType: ReadonlyMap<number, ParameterName> = new Map(
  (Object.keys(catalogue) as ParameterName[]).map((name) => [catalogue[name].type, name]),
);

/** Critical types are odd and must be understood by the receiver (RFC 7401 §5.2.1). */
export function isCritical(type: number): boolean {
  return type % 2 === 1;
}

export function parameterType(parameter: Parameter): number {
  return parameter.name === 'unknown' ? parameter.type : catalogue[parameter.name].type;
}

export function parameterSection(parameter: KnownParameter): string {
  return catalogue[parameter.name].section;
}

/** Whether more than one parameter of this type may stand in a packet. An unknown one may. */
export function isRepeatable(parameter: Parameter): boolean {
  return parameter.name === 'unknown' || catalogue[parameter.name].repeatable === true;
}

/** Octets of a whole parameter with contents of `length`: 11 + L − (L + 3) mod 8 (RFC 7401 §5.2.1). */
export function parameterLength(length: number): number {
  return 11 + length - ((length + 3) % 8);
}

/** Reads one parameter with its padding, whose value is not checked (RFC 7401 §5.2.1). */
export function readParameter(reader: Reader): Parameter {
  const type = reader.u16('Type');
  const length = reader.u16('Length');
  const name = nameByType.get(type);
  const contents = reader.sub(length, name ?? `parameter ${type}`);
  reader.bytes(parameterLength(length) - length - 4, 'Padding');
  if (name === undefined) return { name: 'unknown', type, contents: contents.rest() };
  const parameter = parseKnown(name, contents);
  contents.end();
  return parameter;
}

function parseKnown<Name extends ParameterName>(name: Name, contents: Reader): KnownParameter {
  const codec: ParameterCodec<Name> = catalogue[name];
  // The union cannot be narrowed by a generic name; `name` and the codec's fields come from the same entry.
  return { name, ...codec.parse(contents) } as unknown as KnownParameter;
}

/** Writes one parameter with its padding of zeros. */
export function writeParameter(writer: Writer, parameter: Parameter): void {
  const start = writer.length;
  writer.u16(parameterType(parameter)).u16(0);
  if (parameter.name === 'unknown') writer.bytes(parameter.contents);
  else writeKnown(writer, parameter.name, parameter);
  const length = writer.length - start - 4;
  writer.patch16(start + 2, length).zeros(parameterLength(length) - length - 4);
}

function writeKnown<Name extends ParameterName>(writer: Writer, name: Name, fields: unknown): void {
  const codec: ParameterCodec<Name> = catalogue[name];
  codec.write(writer, fields as ParameterFields[Name]);
}
