import type { KnownPolicy } from '../../flows/attribution.ts';
import { formatAddress, parseAddress, parseAddressRange, unionOf } from '../../policy/address-line.ts';
import type { PolicyInForce } from './enforcement.ts';
import { type LinkAddresses, networkAddresses } from './network-addresses.ts';

/** What flows are told by of a policy in force and of the networks it is for. */
export function knownPolicy(
  { since, facts, input, compiled }: PolicyInForce,
  links: LinkAddresses,
): KnownPolicy {
  const { management, routes = [] } = facts.settings.network;
  const addresses = [management.address, ...networkAddresses(facts, links).flat()];
  const ranges = [...addresses, ...routes.map(({ destination }) => destination)];
  return {
    ...{ since, input, compiled },
    networks: unionOf(ranges.map(parseAddressRange).filter((range) => range !== undefined)),
    own: addresses.flatMap((address) => {
      const place = parseAddress(address.slice(0, address.indexOf('/')));
      return place === undefined ? [] : [formatAddress(place)];
    }),
  };
}
