import type { AssociationKeys } from './key-material.ts';
import { limits } from './limits.ts';
import { type Packet, parametersNamed } from './packet.ts';
import type { ParameterOf } from './parameter-fields.ts';

/** ESP_INFO of I2 or R2: the SPI that its sender receives on, and where the ESP keys start (RFC 7402 §5.1.1). */
export function firstEspInfo(keys: AssociationKeys, localSpi: number): ParameterOf<'ESP_INFO'> {
  return { name: 'ESP_INFO', keymatIndex: keys.keymatIndex, oldSpi: 0, newSpi: localSpi };
}

/** The SPI that an I2 or R2 gives, or undefined where its one ESP_INFO does not fit (RFC 7402 §6.5, §6.6). */
export function firstPeerSpi(packet: Packet, { keymatIndex }: AssociationKeys): number | undefined {
  const [info, ...more] = parametersNamed(packet, 'ESP_INFO');
  const fits =
    info !== undefined &&
    more.length === 0 &&
    info.keymatIndex === keymatIndex &&
    info.oldSpi === 0 &&
    info.newSpi >= limits.smallestSpi;
  return fits ? info.newSpi : undefined;
}
