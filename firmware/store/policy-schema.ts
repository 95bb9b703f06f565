import { z } from 'zod';
import { parseAddressRange } from '../policy/address-line.ts';
import { limits } from '../policy/limits.ts';
import { ownServiceModes, pagePort } from '../policy/own-services.ts';
import { protocols, ruleModes, speaksOfOwn, verdictsOfAttestation, weekDays } from '../policy/policy.ts';
import { parseTimeOfDay } from '../policy/schedule.ts';
import { parsePorts } from '../policy/services.ts';

const name = z.string().min(1).max(limits.labelLength);

/** `role=plc`, `plant` */
const policyLabel = z
  .string()
  .max(limits.labelLength)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]*(=[A-Za-z0-9._/-]+)?$/, 'must read name or name=value');

const labels = z.array(policyLabel).max(limits.labels);

const address = z
  .string()
  .max(43)
  .refine((text) => parseAddressRange(text) !== undefined, 'must be an address or a network');

const ruleId = z
  .string()
  .max(limits.labelLength)
  .regex(
    /^[a-z0-9][a-z0-9._-]*$/,
    'must begin with a letter or digit and hold a-z, 0-9, ".", "_", "-" alone',
  );

const mac = z.string().regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/, 'must read 00:11:22:aa:bb:cc');

const selector = z
  .strictObject({
    device: name.optional(),
    /** A peer's name, or `this`. */
    gateway: name.optional(),
    /** All of them. */
    labels: labels.min(1).optional(),
    /** Of the gateway that an address is behind. */
    platform: name.optional(),
    attestation: z.enum(verdictsOfAttestation).optional(),
    /** One of them. */
    addresses: z.array(address).min(1).max(limits.selectors).optional(),
    /** What the gateway itself serves: names, echo, the page. `any` does not mean it. */
    own: z.literal(true).optional(),
  })
  .refine((given) => Object.keys(given).length > 0, 'names nothing: write "any" for everything')
  .refine(
    (given) => given.own === undefined || Object.keys(given).length === 1,
    'own stands alone: what the gateway itself serves has no device, label or address',
  );

const side = z.union([z.literal('any'), selector, z.array(selector).min(1).max(limits.selectors)]);

const ports = z.union([
  z.int().min(0).max(65_535),
  z.string().refine((text) => parsePorts(text) !== undefined, 'must read 8000-8099'),
]);

const service = z
  .strictObject({
    protocol: z.enum(protocols),
    ports: z.array(ports).min(1).max(limits.services).optional(),
  })
  .refine(({ protocol, ports: given }) => given === undefined || protocol === 'tcp' || protocol === 'udp', {
    path: ['ports'],
    message: 'only tcp and udp have ports',
  });

const timeOfDay = z
  .string()
  .refine((text) => parseTimeOfDay(text) !== undefined, 'must read HH:MM, 00:00 to 24:00');

const rule = z
  .strictObject({
    id: ruleId,
    subject: side,
    verb: z.enum(['allow', 'deny']),
    object: side,
    /** Everything unless told. */
    services: z.union([z.literal('any'), z.array(service).min(1).max(limits.services)]).optional(),
    /** In UTC; always unless told. */
    schedule: z
      .strictObject({
        days: z.array(z.enum(weekDays)).min(1).max(weekDays.length).optional(),
        from: timeOfDay,
        to: timeOfDay,
      })
      .optional(),
    /** `enforce` unless told. */
    mode: z.enum(ruleModes).optional(),
    /** Whether denied packets are recorded, as they are unless told otherwise. */
    log: z.boolean().optional(),
  })
  .refine(({ mode, verb }) => mode !== 'observe' || verb === 'allow', {
    path: ['mode'],
    message: 'a rule that observes lets through: a deny is staged or enforced',
  });

const device = z
  .strictObject({
    name,
    addresses: z.array(address).min(1).max(limits.addressesPerDevice).optional(),
    mac: mac.optional(),
    labels: labels.optional(),
  })
  .refine(({ addresses, mac: given }) => addresses !== undefined || given !== undefined, {
    path: ['addresses'],
    message: 'a device is known by addresses, by its MAC, or by both',
  });

/** Who may talk to whom. Nothing that no rule allows goes between devices and peers. */
export const policySettings = z.strictObject({
  /** Of this gateway and all behind it. */
  labels,
  /** Of peers, by name, and all behind them. */
  peerLabels: z.record(name, labels),
  devices: z.array(device).max(limits.devices),
  rules: z.array(rule).max(limits.rules),
  /** What a device on the LAN may do that `devices` does not name: nothing, or what rules allow. */
  unknownDevices: z.enum(['quarantine', 'permitted']),
  /**
   * Who may use what the gateway itself serves. `accepted`, unless told: devices that are accepted, where no rule denies
   * it. `rules`: whom rules allow to. Addresses (DHCP) are for everybody, and so is the page until a rule denies it.
   */
  ownServices: z.enum(ownServiceModes).optional(),
  /** What verifiers say of peers, which rules may ask for as `attestation`. */
  verdicts: z
    .strictObject({
      /** Keys that sign verdicts: ECDSA P-256, as PEM. */
      verifiers: z.array(z.string().max(limits.verifierKeyLength)).min(1).max(limits.verifiers),
      /** What `hithe attest appraise --sign-key` printed about each peer. */
      tokens: z.array(z.string().max(limits.verdictLength)).max(limits.verdicts),
      /** For so long a verdict that a peer is sound holds. */
      validHours: z.int().min(1).max(limits.verdictHours),
    })
    .optional(),
});
export type PolicySettings = z.infer<typeof policySettings>;

export const defaultPolicy: PolicySettings = {
  labels: [],
  peerLabels: {},
  devices: [],
  rules: [],
  unknownDevices: 'quarantine',
};

/** What does not fit together in a document; a path below `policy`. */
export type PolicyConflict = { readonly path: readonly (string | number)[]; readonly problem: string };

/**
 * Names that stand twice, names of devices and peers that there are none of, and rules that would lock everybody out.
 *
 * @param hasManagement whether the settings give a port to management, where no rule reaches the page
 */
export function policyConflicts(
  { devices, rules, peerLabels }: PolicySettings,
  peerNames: readonly string[],
  hasManagement: boolean,
): readonly PolicyConflict[] {
  const conflicts: PolicyConflict[] = [];
  const once = (kind: string, values: readonly (readonly [string, PolicyConflict['path']])[]) => {
    const seen = new Set<string>();
    for (const [value, path] of values) {
      if (seen.has(value)) conflicts.push({ path, problem: `the ${kind} ${value} stands twice` });
      seen.add(value);
    }
  };
  once(
    'rule',
    rules.map(({ id }, index) => [id, ['rules', index, 'id']]),
  );
  once(
    'device',
    devices.map((found, index) => [found.name, ['devices', index, 'name']]),
  );
  once(
    'MAC',
    devices.flatMap((found, index) =>
      found.mac === undefined ? [] : [[found.mac, ['devices', index, 'mac']] as const],
    ),
  );
  once(
    'address',
    devices.flatMap(({ addresses = [] }, index) =>
      addresses.map((text, place) => [placeOf(text), ['devices', index, 'addresses', place]] as const),
    ),
  );
  const gateways = new Set([...peerNames, 'this']);
  for (const peer of Object.keys(peerLabels))
    if (!gateways.has(peer))
      conflicts.push({ path: ['peerLabels', peer], problem: 'is the name of no peer' });
  for (const [index, rule] of rules.entries())
    if (!hasManagement && closesPage(rule))
      conflicts.push({
        path: ['rules', index, 'subject'],
        problem: 'closes the page to everybody: name whom it denies, or give a port the role management',
      });
  const names = new Set(devices.map((found) => found.name));
  for (const [index, { subject, object }] of rules.entries())
    for (const [part, given] of Object.entries({ subject, object }))
      for (const [place, found] of (given === 'any' ? [] : [given].flat()).entries()) {
        const path = ['rules', index, part, ...(Array.isArray(given) ? [place] : [])];
        if (found.own && !(part === 'object' && speaksOfOwn({ object })))
          conflicts.push({
            path: [...path, 'own'],
            problem: 'own is the whole object of a rule, or no part of it',
          });
        if (found.device !== undefined && !names.has(found.device))
          conflicts.push({ path: [...path, 'device'], problem: `there is no device ${found.device}` });
        if (found.gateway !== undefined && !gateways.has(found.gateway))
          conflicts.push({ path: [...path, 'gateway'], problem: `there is no peer ${found.gateway}` });
      }
  return conflicts;
}

/** Whether a rule denies the page to whoever asks for it. */
function closesPage({
  subject,
  verb,
  object,
  services = 'any',
  mode,
}: PolicySettings['rules'][number]): boolean {
  if (subject !== 'any' || verb !== 'deny' || mode === 'staged' || !speaksOfOwn({ object })) return false;
  const isPage = (text: number | string) => {
    const [from, to] = parsePorts(text) ?? [1, 0];
    return pagePort >= from && pagePort <= to;
  };
  return (
    services === 'any' ||
    services.some(({ protocol, ports: given }) =>
      protocol === 'tcp' ? (given?.some(isPage) ?? true) : protocol === 'any',
    )
  );
}

/** The same for every spelling of an address. */
function placeOf(text: string): string {
  const range = parseAddressRange(text);
  return range === undefined ? text : `${range.from}-${range.to}`;
}
