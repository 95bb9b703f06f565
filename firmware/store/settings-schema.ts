import { z } from 'zod';
import { limits } from './limits.ts';

/** A name that a person gives: shown as it is, never interpreted. */
const label = z.string().min(1).max(limits.labelLength);

const ipv4Cidr = z.cidrv4();
const cidr = z.union([z.cidrv4(), z.cidrv6()]);

/** Port groups (OpenWrt's "interfaces" by job): every physical port belongs to one. */
export const portRole = z.enum(['underlay', 'lan', 'management', 'unused']);
export type PortRole = z.infer<typeof portRole>;

/** `hip://host:port/HIT`, the one written form of a peer. The host may be a name, an IPv4 or a bracketed IPv6 address. */
export const hipUri = z
  .string()
  .max(limits.uriLength)
  .regex(
    /^hip:\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?\/[0-9a-fA-F:]+$/,
    'must read hip://host:port/HIT',
  );

export const peerSettings = z.strictObject({
  name: label,
  uri: hipUri,
  /** The networks behind the peer that its key may speak for. */
  protectedPrefixes: z.array(cidr).max(limits.prefixesPerPeer),
});
export type PeerSettings = z.infer<typeof peerSettings>;

const staticIpv4 = z.strictObject({
  address: ipv4Cidr,
  gateway: z.ipv4().optional(),
  dns: z.array(z.ipv4()).max(3).default([]),
});

export const networkSettings = z.strictObject({
  /** Roles by port name as the box labels it (`port1`, `port2`, …); a port that is not named keeps its profile's role. */
  ports: z.record(z.string().regex(/^[a-z][a-z0-9-]{0,14}$/), portRole).default({}),
  underlay: z.strictObject({ ipv4: z.union([z.literal('dhcp'), staticIpv4]), ipv6: z.enum(['auto', 'off']) }),
  lan: z.strictObject({ address: ipv4Cidr, dhcpServer: z.boolean() }),
  management: z.strictObject({ address: ipv4Cidr }),
});
export type NetworkSettings = z.infer<typeof networkSettings>;

const overlaySettings = z.strictObject({ peers: z.array(peerSettings).max(limits.peers) });

/** The whole settings document, complete: what is in force after all layers are merged. */
export const settings = z.strictObject({
  version: z.literal(1),
  hostname: z.hostname().max(63),
  network: networkSettings,
  overlay: overlaySettings,
});
export type Settings = z.infer<typeof settings>;

const { underlay, lan, management } = networkSettings.shape;

/** One layer: any part of the document may be missing. Layers are merged in order, then the result is validated whole. */
export const settingsLayer = z.strictObject({
  version: z.literal(1),
  hostname: settings.shape.hostname.optional(),
  network: networkSettings
    .extend({ underlay: underlay.partial(), lan: lan.partial(), management: management.partial() })
    .partial()
    .optional(),
  overlay: overlaySettings.partial().optional(),
});
/** As it is written: without the defaults, which would hide what a lower layer says. */
export type SettingsLayer = z.input<typeof settingsLayer>;

/** The lowest layer: what a box does that nobody has told anything. */
export const defaultSettings: Settings = {
  version: 1,
  hostname: 'hithe',
  network: {
    ports: {},
    underlay: { ipv4: 'dhcp', ipv6: 'auto' },
    lan: { address: '192.168.1.1/24', dhcpServer: true },
    management: { address: '192.168.254.1/24' },
  },
  overlay: { peers: [] },
};
