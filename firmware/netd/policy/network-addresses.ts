import type { InterfaceStatus } from '../status.ts';
import type { PolicyFacts } from './enforcement.ts';

/** What the links have now: of hosts' networks the addresses that nobody's settings say. */
export type LinkAddresses = readonly Pick<InterfaceStatus, 'kernelName' | 'addresses'>[];

/**
 * The box's own addresses in hosts' networks, with their lengths, by network in the order of `lan`: as the settings say
 * them, and where a provider's delegated prefix is announced, as the link has it now.
 */
export function networkAddresses(
  { settings: { network }, lan }: Pick<PolicyFacts, 'settings' | 'lan'>,
  links: LinkAddresses,
): readonly (readonly string[])[] {
  const { lan: main, networks = {} } = network;
  return [main, ...Object.values(networks)].map(({ address, ipv6, delegated }, index) => {
    const link = links.find(({ kernelName }) => kernelName === lan[index]);
    const found = delegated === undefined ? [] : (link?.addresses ?? []);
    const global = found.filter((each) => each.includes(':') && !/^fe[89ab]/i.test(each));
    return [address, ...(ipv6 === undefined ? [] : [ipv6]), ...global];
  });
}
