import type { NetworkSettings } from '../../store/network-schema.ts';
import { bridgeNames } from '../segments.ts';

/** The bridges of hosts' networks, also of those that have no port now. */
export function lanLinks({ networks = {} }: NetworkSettings): readonly string[] {
  return [bridgeNames.lan, ...Object.keys(networks).map((name) => `br-${name}`)];
}

/** Those of them whose ports the policy keeps apart. */
export function linksKeptApart({ lan, networks = {} }: NetworkSettings): readonly string[] {
  return [
    ...(lan.segmentation === 'ports' ? [bridgeNames.lan] : []),
    ...Object.entries(networks).flatMap(([name, { segmentation }]) =>
      segmentation === 'ports' ? [`br-${name}`] : [],
    ),
  ];
}
