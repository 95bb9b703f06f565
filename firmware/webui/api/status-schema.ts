import { z } from '@hono/zod-openapi';
import { alarm } from './alarms-route.ts';
import { trial } from './config-route.ts';

/**
 * What `GET /api/v1/status`, the page and `hithe status --json` show. Byte counts are octets, times are ISO 8601 in
 * UTC or seconds where the name ends so; a value that is not known is null, never a guess.
 */
const platform = z.object({
  platform: z.string(),
  kind: z.enum(['cloud', 'hypervisor', 'board', 'unknown']),
  vendor: z.string().nullable(),
  product: z.string().nullable(),
  serial: z.string().nullable(),
  boardProfile: z.string(),
  dataSource: z.string().nullable(),
  decidedBy: z.string(),
});

const image = z.object({
  version: z.string(),
  rootHash: z.string().nullable(),
  slot: z.string().nullable(),
  kernel: z.string(),
  bundleSha256: z.string().nullable(),
  /** Signed with the release key that stands in the sources, which everybody has. */
  development: z.boolean(),
});

const tpmPcr = z.object({ index: z.number().int(), digest: z.string() });
const tpm = z.discriminatedUnion('state', [
  z.object({
    state: z.literal('present'),
    manufacturer: z.string(),
    firmwareVersion: z.string(),
    pcrBank: z.string(),
    pcrs: z.array(tpmPcr),
    /** A quote over those PCRs that the box made and whose signature it checked with the key that made it. */
    quote: z.object({
      verified: z.boolean(),
      signatureAlgorithm: z.string(),
      pcrDigest: z.string(),
      clock: z.string(),
      resetCount: z.number().int(),
      milliseconds: z.number(),
    }),
  }),
  /** The box is still looking: the page answers before the TPM does. */
  z.object({ state: z.literal('pending') }),
  z.object({ state: z.literal('absent'), reason: z.string() }),
  z.object({ state: z.literal('failed'), reason: z.string(), advice: z.string() }),
]);

/** A cellular modem as it tells of itself (3GPP TS 27.007). */
const modem = z.object({
  device: z.enum(['absent', 'silent', 'answers']),
  sim: z.enum(['ready', 'pin', 'puk', 'other', 'unknown']),
  registration: z.enum(['none', 'home', 'searching', 'denied', 'unknown', 'roaming']),
  operator: z.string().nullable(),
  signalDbm: z.number().int().nullable(),
  connected: z.boolean(),
  /** Why it is not connected. */
  problem: z.string().nullable(),
});

const answers = z.object({ asked: z.number().int(), answered: z.number().int() });

const networkInterface = z.object({
  /** The port's name on the box (`port1`), or the kernel's name of a bridge or tunnel. */
  name: z.string(),
  kernelName: z.string(),
  /** What is printed beside the port on the case, where the board profile knows. */
  label: z.string().nullable(),
  role: z.enum(['underlay', 'lan', 'management', 'overlay', 'unused']),
  driver: z.string().nullable(),
  mac: z.string().nullable(),
  link: z.enum(['up', 'down', 'unknown']),
  mtu: z.number().int(),
  /** What both ends of the cable agreed on. */
  speed: z.object({ megabits: z.number(), duplex: z.enum(['full', 'half']).nullable() }).nullable(),
  addresses: z.array(z.string()),
  receivedBytes: z.number(),
  sentBytes: z.number(),
  receivedPackets: z.number(),
  sentPackets: z.number(),
  /** Of an underlay port: whether it works, how well from 0 to 100, and its place among them, from 1. */
  uplink: z
    .object({
      works: z.boolean(),
      score: z.number(),
      place: z.number().int(),
      /** What the score is of: who was asked by this uplink and answered, null where there was nobody to ask. */
      look: z
        .object({
          gateway: z.boolean().nullable(),
          names: z.boolean().nullable(),
          destinations: answers,
          peers: answers,
        })
        .nullable(),
      /** Until it counts as failed, or is used again, if it goes on as it last did. */
      secondsToChange: z.number().nullable(),
      modem: modem.nullable(),
      /** The prefix that its provider delegates by DHCPv6, for the networks behind the box; only where it does. */
      delegated: z.string().optional(),
    })
    .nullable(),
});

export const tunnel = z.object({
  peer: z.string(),
  hit: z.string(),
  state: z.string(),
  connect: z.enum(['always', 'on-demand']),
  /** Which end began the exchange, while there is an association. */
  role: z.enum(['initiator', 'responder']).nullable(),
  locator: z.string().nullable(),
  espSuite: z.string().nullable(),
  /** Of the ESP packets that come in, and of those that go out. */
  spis: z.object({ ours: z.number().int(), theirs: z.number().int() }).nullable(),
  protectedPrefixes: z.array(z.string()),
  establishedAt: z.string().nullable(),
  lastError: z.string().nullable(),
  /** Changes of ESP keys since then. */
  rekeys: z.number().int(),
  /** Of the exchange, where this box began it. */
  roundTripMs: z.number().nullable(),
  /** Octets that the way to the peer takes in one packet, as far as it is known. */
  pathMtu: z.number().int().nullable(),
  /** Since the peer is in the settings; octets before encryption. */
  traffic: z.object({
    sentBytes: z.number(),
    sentPackets: z.number(),
    receivedBytes: z.number(),
    receivedPackets: z.number(),
  }),
  /** Packets of the peer's: with a source behind somebody else, older than the replay window, come before, not authentic. */
  dropped: z.object({
    wrongSource: z.number(),
    tooOld: z.number(),
    replayed: z.number(),
    forged: z.number(),
  }),
});

const device = z.object({
  device: z.string(),
  description: z.string(),
  driver: z.string().nullable(),
  modules: z.array(z.string()),
});

export const logEntry = z.object({
  time: z.string(),
  level: z.enum(['debug', 'info', 'warning', 'error']),
  source: z.string(),
  message: z.string(),
});
export type LogEntry = z.infer<typeof logEntry>;

const inventory = z.object({
  cpu: z.string(),
  cores: z.number().int(),
  disks: z.array(z.object({ name: z.string(), model: z.string(), sizeBytes: z.number() })),
  serialPorts: z.array(z.string()),
  hidDevices: z.array(z.string()),
});

const statusFields = z.object({
  hostname: z.string(),
  /** The URI of the conductor that the settings name. */
  conductor: z.string().nullable(),
  claimed: z.boolean(),
  /** The change of settings that is on trial. */
  trial: trial.nullable(),
  time: z.string(),
  uptimeSeconds: z.number(),
  image,
  platform,
  tpm,
  identity: z.object({
    hit: z.string().nullable(),
    /** Where the private key lives. `software` is shown plainly everywhere. */
    keyStorage: z.enum(['software', 'tpm', 'none']),
    detail: z.string(),
    /** The HIT that the box had and cannot use now, where `hit` is null. */
    formerHit: z.string().nullable(),
    /** The code of the warning that says why there is no identity. */
    problem: z.string().nullable(),
    /** How long signatures took since the start; null before the first one. */
    signing: z
      .object({ count: z.number().int(), lastMilliseconds: z.number(), p50Milliseconds: z.number() })
      .nullable(),
  }),
  network: z.object({
    state: z.enum(['applied', 'applying', 'failed']),
    detail: z.string().nullable(),
    interfaces: z.array(networkInterface),
    /** Whose frames are copied to an analyser's port, by the ports' names; and what of the setting leads nowhere. */
    mirror: z
      .object({ to: z.string(), from: z.array(z.string()), problem: z.string().nullable() })
      .optional(),
  }),
  tunnels: z.array(tunnel),
  /** What came to the overlay's port and was no peer's: no HIP at all, or HIP over IP with a wrong checksum. Null without an overlay. */
  strayDatagrams: z.object({ notHip: z.number().int(), badChecksum: z.number().int() }).nullable(),
  devices: z.array(device),
  memory: z.object({ totalBytes: z.number(), usedBytes: z.number(), availableBytes: z.number() }),
  /** Null until the hardware has been listed, which takes longer than the page's first answer. */
  inventory: inventory.nullable(),
  /** What is wrong by the thresholds of the settings, newest first; of whom it is, the box alone is told. */
  alarms: z.array(alarm.pick({ kind: true, raisedAt: true })).readonly(),
  /** Set where state could not be opened and the box runs from memory: what happened and what to do. */
  warnings: z.array(z.object({ code: z.string(), message: z.string(), advice: z.string() })),
  log: z.array(logEntry),
});

export const status = statusFields.openapi('Status');
export type Status = z.infer<typeof status>;

/** What the event stream repeats: all of it but the log, whose new lines are events of their own. */
export const statusUpdate = statusFields.omit({ log: true }).openapi('StatusUpdate');
export type StatusUpdate = z.infer<typeof statusUpdate>;
