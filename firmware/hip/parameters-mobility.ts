import type { Reader } from '../bytes/reader.ts';
import { Writer } from '../bytes/writer.ts';
import { address, type Parameters, writeAddress } from './parameter-codec.ts';
import type { AnnouncedAddress, AnnouncedLocator } from './parameter-fields.ts';

/** Locator Types (RFC 8046 §4.2, RFC 9028 §5.7). */
const locatorTypes = { address: 0, esp: 1, transport: 2 } as const;

/** The parameter of RFC 8046, with the locators of RFC 9028. */
export const mobilityParameters: Parameters<'LOCATOR_SET'> = {
  LOCATOR_SET: {
    type: 193,
    section: 'RFC 8046 §4',
    parse(reader) {
      const locators: AnnouncedLocator[] = [];
      while (reader.remaining > 0) locators.push(readLocator(reader));
      return { locators };
    },
    write(writer, { locators }) {
      for (const locator of locators) writeLocator(writer, locator);
    },
  },
};

function readLocator(reader: Reader): AnnouncedLocator {
  const trafficType = reader.u8('Traffic Type');
  const locatorType = reader.u8('Locator Type');
  const length = reader.u8('Locator Length') * 4;
  const preferred = (reader.u8('Reserved') & 1) === 1;
  const lifetime = reader.u32('Locator Lifetime');
  const locator = reader.sub(length, 'Locator');
  const announced = readAddress(locator, locatorType);
  locator.end();
  return { trafficType, preferred, lifetime, ...announced };
}

function readAddress(reader: Reader, locatorType: number): AnnouncedAddress {
  switch (locatorType) {
    case locatorTypes.address:
      return { kind: 'address', address: address(reader) };
    case locatorTypes.esp:
      return { kind: 'esp', spi: reader.u32('SPI'), address: address(reader) };
    case locatorTypes.transport:
      return {
        kind: 'transport',
        port: reader.u16('Transport Port'),
        protocol: reader.u8('Transport Protocol'),
        candidateKind: reader.u8('Kind'),
        priority: reader.u32('Priority'),
        spi: reader.u32('SPI'),
        address: address(reader),
      };
    default:
      return { kind: 'unknown', locatorType, locator: reader.rest() };
  }
}

function writeLocator(writer: Writer, locator: AnnouncedLocator): void {
  const { type, octets } = locatorField(locator);
  if (octets.length % 4 !== 0 || octets.length > 4 * 255)
    throw new RangeError('a Locator is at most 255 words of 4 octets');
  writer
    .u8(locator.trafficType)
    .u8(type)
    .u8(octets.length / 4)
    .u8(locator.preferred ? 1 : 0)
    .u32(locator.lifetime)
    .bytes(octets);
}

function locatorField(locator: AnnouncedLocator): { type: number; octets: Uint8Array } {
  const writer = new Writer(28);
  switch (locator.kind) {
    case 'address':
      return { type: locatorTypes.address, octets: writeAddress(writer, locator.address).finish() };
    case 'esp':
      writeAddress(writer.u32(locator.spi), locator.address);
      return { type: locatorTypes.esp, octets: writer.finish() };
    case 'transport':
      writer.u16(locator.port).u8(locator.protocol).u8(locator.candidateKind);
      writeAddress(writer.u32(locator.priority).u32(locator.spi), locator.address);
      return { type: locatorTypes.transport, octets: writer.finish() };
    case 'unknown':
      return { type: locator.locatorType, octets: locator.locator };
  }
}
