import type { KnownPolicy } from '../../flows/attribution.ts';
import { formatAddress, parseAddress, parseAddressRange, unionOf } from '../../policy/address-line.ts';
import type { PolicyInForce } from './enforcement.ts';

/** What flows are told by of a policy in force and of the networks it is for. */
export function knownPolicy({ since, facts, input, compiled }: PolicyInForce): KnownPolicy {
  const { lan, networks = {}, management, routes = [] } = facts.settings.network;
  const addresses = [
    management.address,
    ...[lan, ...Object.values(networks)].flatMap(({ address, ipv6 }) =>
      ipv6 === undefined ? [address] : [address, ipv6],
    ),
  ];
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
