import type { Tpm } from './client.ts';
import { getProperties } from './commands/capability.ts';
import { property } from './constants.ts';
import { TpmError, type TpmResult } from './error.ts';

/** Who made a TPM, as it says itself (Part 2, section 6.13, group PT_FIXED). */
export type TpmIdentification = {
  /** The TCG vendor identifier, such as `IFX`, `STM`, `INTC`, `AMD`, `IBM`. */
  readonly manufacturer: string;
  /** The vendor's own words, often the chip's model; may be empty. */
  readonly vendorString: string;
  /** `major.minor.rest.rest`, as vendors' advisories write it; their meaning is the vendor's. */
  readonly firmwareVersion: string;
};

/** `UNAVAILABLE` where the TPM leaves out its manufacturer or firmware version, which every TPM 2.0 has. */
export async function identifyTpm(tpm: Tpm): Promise<TpmResult<TpmIdentification>> {
  const command = getProperties(property.manufacturer, property.firmwareVersion2 - property.manufacturer + 1);
  const page = await tpm.execute(command);
  if (!page.ok) return page;
  const values = new Map(page.value.values.map((tagged) => [tagged.property, tagged.value]));
  const manufacturer = values.get(property.manufacturer);
  const version1 = values.get(property.firmwareVersion1);
  const version2 = values.get(property.firmwareVersion2);
  if (manufacturer === undefined || version1 === undefined || version2 === undefined) {
    return {
      ok: false,
      error: new TpmError('UNAVAILABLE', command.name, 'the TPM does not say who made it'),
    };
  }
  let vendorString = '';
  for (let tag: number = property.vendorString1; tag <= property.vendorString4; tag++) {
    vendorString += fourCharacters(values.get(tag) ?? 0);
  }
  return {
    ok: true,
    value: {
      manufacturer: fourCharacters(manufacturer).trim(),
      vendorString: vendorString.trim(),
      firmwareVersion: [version1 >>> 16, version1 & 0xffff, version2 >>> 16, version2 & 0xffff].join('.'),
    },
  };
}

/** Printable ASCII of a big-endian 32-bit value; what else a chip may say is dropped, since people are shown this. */
function fourCharacters(value: number): string {
  return String.fromCharCode(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff).replace(
    /[^\x20-\x7e]/g,
    '',
  );
}
