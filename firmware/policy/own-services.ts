/**
 * What the gateway itself serves to its hosts. Rules speak of it where their object is `{ "own": true }`; without any,
 * devices that were accepted may use all of it, and those in quarantine get an address and the page.
 */
export const ownServicePorts = {
  /** Names, and the page. */
  tcp: [53, 80, 443],
  /** Names, also by multicast, the time, and addresses (DHCP), which nothing keeps a host from. */
  udp: [53, 67, 123, 547, 5353],
} as const;

/** The time is served where the network's settings say so. */
export const timePort = 123;

export const pagePort = 443;
/** The page, and what leads there. */
export const pagePorts: readonly number[] = [80, pagePort];

/** Ports that hosts get an address at, whatever the rules say. */
export const addressPorts: readonly number[] = [67, 547];

/** Who may use the gateway's own services: devices that were accepted, or, but for the page, whom rules allow to. */
export const ownServiceModes = ['accepted', 'rules'] as const;
export type OwnServiceMode = (typeof ownServiceModes)[number];
