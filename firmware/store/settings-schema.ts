import { z } from 'zod';
import { parseHipUri } from '../hip/hip-uri.ts';
import { alarmsSettings, defaultAlarms } from './alarms-schema.ts';
import { defaultFlows, flowsLayer, flowsSettings } from './flows-schema.ts';
import { limits } from './limits.ts';
import { defaultMetrics, metricsSettings } from './metrics-schema.ts';
import { networkConflicts, networkLayer, networkSettings } from './network-schema.ts';
import { peerConflicts } from './peer-conflicts.ts';
import { defaultPolicy, policyConflicts, policySettings } from './policy-schema.ts';

/** A name that a person gives: shown as it is, never interpreted. */
const label = z.string().min(1).max(limits.labelLength);

const cidr = z.union([z.cidrv4(), z.cidrv6()]);

/** `hip://host:port/HIT`, the one written form of a peer. The host may be a name, an IPv4 or a bracketed IPv6 address. */
export const hipUri = z
  .string()
  .max(limits.uriLength)
  .regex(/^hip:\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?\/[0-9a-fA-F:]+$/, {
    error: 'must read hip://host:port/HIT',
    abort: true,
  })
  .superRefine((text, context) => refuseUnlessRead(text, context));

/** A text of the right form can still name a port that there is not, or lack a group of its HIT. */
function refuseUnlessRead(uri: string, context: z.RefinementCtx): void {
  const read = parseHipUri(uri);
  if (!read.ok) context.addIssue({ code: 'custom', message: read.error });
}

/** Where a peer is besides its URI: `host[:port]`, the port 10500 unless given. */
const peerLocator = z
  .string()
  .max(limits.uriLength)
  .regex(/^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?$/, {
    error: 'must read host or host:port',
    abort: true,
  })
  // Any HIT will do: the peer's own is in its URI.
  .superRefine((text, context) => refuseUnlessRead(`hip://${text}/2001:20::1`, context));

export const peerSettings = z.strictObject({
  name: label,
  uri: hipUri,
  /** Further places to find the peer at, tried in turn after its URI's. */
  locators: z.array(peerLocator).max(limits.locatorsPerPeer).optional(),
  /** The networks behind the peer that its key may speak for. */
  protectedPrefixes: z.array(cidr).max(limits.prefixesPerPeer),
  /** Whether the association is kept up, as it is unless told otherwise, or made when traffic asks and left when none does. */
  connect: z.enum(['always', 'on-demand']).optional(),
  /** HIP and ESP within UDP (RFC 9028), as it is unless told otherwise, or directly over IP, which no NAT lets through. */
  framing: z.enum(['udp', 'raw']).optional(),
});
export type PeerSettings = z.infer<typeof peerSettings>;

/** When ESP keys are replaced: whichever comes first (RFC 7402 §3.3.5). */
export const rekeySettings = z.strictObject({
  seconds: z.int().min(limits.rekeySeconds[0]).max(limits.rekeySeconds[1]),
  /** Of traffic in one direction under one key. */
  mebibytes: z.int().min(1).max(limits.rekeyMebibytes),
});
export type RekeySettings = z.infer<typeof rekeySettings>;

/** ESP suites (RFC 7402 §5.1.2) that encrypt and authenticate. */
const espSuiteName = z.enum([
  'aes-gcm-16',
  'aes-128-cbc-hmac-sha-256',
  'aes-256-cbc-hmac-sha-256',
  'aes-ccm-16',
]);

const overlaySettings = z.strictObject({
  peers: z.array(peerSettings).max(limits.peers),
  rekey: rekeySettings,
  /** Taken part in, most preferred first. */
  espSuites: z.array(espSuiteName).min(1).max(espSuiteName.options.length),
});
export type OverlaySettings = z.infer<typeof overlaySettings>;

/** What weakens the box so that a person can look into it. All off unless somebody turns it on. */
const diagnosticsSettings = z.strictObject({
  /** Session keys may be written to a file, for a protocol analyser. */
  keyLog: z.boolean(),
  /** ESP that authenticates and does not encrypt (RFC 7402 §5.1.2, NULL-ENCRYPT with HMAC) is taken part in. */
  nullEncryption: z.boolean(),
  /** The menu of the consoles offers a shell, with which whoever stands before the box may do everything. */
  shell: z.boolean(),
});

const identitySettings = z.strictObject({
  /** Whether the host identity's key may be a file where no TPM can hold it. Whoever copies the disk then has it. */
  software: z.enum(['allowed', 'refused']),
  /**
   * Gives up the identity with this HIT, of which only that is done: the box makes a new one when this is the HIT that it
   * has or had, and does nothing for any other. `none` is an identity of which nothing is known any more.
   */
  replaces: z.union([z.ipv6(), z.literal('none')]).optional(),
});

const conductorSettings = z.strictObject({ uri: hipUri });

/** The whole settings document, complete: what is in force after all layers are merged. */
export const settings = z
  .strictObject({
    version: z.literal(1),
    hostname: z.hostname().max(63),
    network: networkSettings.superRefine((network, context) => {
      for (const { path, problem } of networkConflicts(network))
        context.addIssue({ code: 'custom', path: [...path], message: problem });
    }),
    identity: identitySettings,
    /** Where this gateway is to enrol. */
    conductor: conductorSettings.optional(),
    overlay: overlaySettings.superRefine(({ peers }, context) => {
      for (const { path, problem } of peerConflicts(peers))
        context.addIssue({ code: 'custom', path: ['peers', ...path], message: problem });
    }),
    policy: policySettings,
    flows: flowsSettings,
    alarms: alarmsSettings,
    metrics: metricsSettings,
    diagnostics: diagnosticsSettings,
  })
  .superRefine(({ policy, overlay, network }, context) => {
    const names = overlay.peers.map(({ name }) => name);
    const roles = Object.values(network.ports).map((port) => (typeof port === 'string' ? port : port.role));
    for (const { path, problem } of policyConflicts(policy, names, roles.includes('management')))
      context.addIssue({ code: 'custom', path: ['policy', ...path], message: problem });
  });
export type Settings = z.infer<typeof settings>;

/** One layer: any part of the document may be missing. Layers are merged in order, then the result is validated whole. */
export const settingsLayer = z.strictObject({
  version: z.literal(1),
  hostname: settings.shape.hostname.optional(),
  network: networkLayer.optional(),
  identity: identitySettings.partial().optional(),
  conductor: conductorSettings.optional(),
  overlay: overlaySettings.extend({ rekey: rekeySettings.partial() }).partial().optional(),
  policy: policySettings.partial().optional(),
  flows: flowsLayer.optional(),
  alarms: alarmsSettings.partial().optional(),
  metrics: metricsSettings.optional(),
  diagnostics: diagnosticsSettings.partial().optional(),
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
  // A box without a TPM says so and waits for somebody who decides.
  identity: { software: 'refused' },
  overlay: {
    peers: [],
    // An hour, as IPsec gateways do; 64 GiB are 2^32 AES blocks, where CBC's collisions are still improbable.
    rekey: { seconds: 3600, mebibytes: 65_536 },
    espSuites: ['aes-gcm-16', 'aes-128-cbc-hmac-sha-256', 'aes-256-cbc-hmac-sha-256'],
  },
  policy: defaultPolicy,
  flows: defaultFlows,
  alarms: defaultAlarms,
  metrics: defaultMetrics,
  diagnostics: { keyLog: false, nullEncryption: false, shell: false },
};
