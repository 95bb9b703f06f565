import type { NetworkSettings } from '../store/network-schema.ts';
import { limits } from './limits.ts';
import type { Port } from './ports.ts';

/** What one look at an uplink found. */
export type UplinkLook = {
  readonly carrier: boolean;
  /** Whether its gateway answers; null where it has none, or it is not known. */
  readonly gateway: boolean | null;
  /** Of the addresses that are asked through it, which answer. */
  readonly destinations: readonly boolean[];
};

/** How an uplink has been doing. `works` decides; the rest is how near it is to changing. */
export type UplinkHealth = {
  readonly works: boolean;
  /** 0 to 100, of the last look. */
  readonly score: number;
  /** Looks in a row that speak against what `works` says. */
  readonly against: number;
};

/** An uplink is believed to work until it is found not to: a start is not held up. */
export const unknownHealth: UplinkHealth = { works: true, score: 100, against: 0 };

/** Places asked beyond the gateway count more than the gateway, which answers when nothing is behind it, too. */
const weights = { gateway: 40, destinations: 60 } as const;
const passing = 50;

/** 0 without a link; otherwise the share of what was asked that answered. */
export function scoreOf({ carrier, gateway, destinations }: UplinkLook): number {
  if (!carrier) return 0;
  const asked =
    (gateway === null ? 0 : weights.gateway) + (destinations.length === 0 ? 0 : weights.destinations);
  if (asked === 0) return 100;
  const share = destinations.length === 0 ? 0 : destinations.filter(Boolean).length / destinations.length;
  const answered = (gateway === true ? weights.gateway : 0) + share * weights.destinations;
  return Math.round((100 * answered) / asked);
}

/**
 * What a look makes of an uplink's health. A lost link counts at once, silence after a few looks, and what failed has
 * to do well for a while before it is used again: an uplink that comes and goes does not take the tunnels with it.
 */
export function judge(health: UplinkHealth, look: UplinkLook): UplinkHealth {
  const score = scoreOf(look);
  const does = score >= passing;
  if (!look.carrier) return { works: false, score, against: 0 };
  if (does === health.works) return { works: health.works, score, against: 0 };
  const against = health.against + 1;
  const enough = against >= (health.works ? limits.uplinkFailures : limits.uplinkSuccesses);
  return enough ? { works: does, score, against: 0 } : { works: health.works, score, against };
}

/**
 * The underlay's ports, most preferred first: those that work before those that do not, then by the priority that the
 * settings give, then in their own order.
 *
 * @param health by the kernel's name
 */
export function rankUplinks(
  ports: readonly Port[],
  { uplinks }: NetworkSettings['underlay'],
  health: ReadonlyMap<string, UplinkHealth>,
): readonly string[] {
  const works = ({ nic }: Port) => (health.get(nic.kernelName) ?? unknownHealth).works;
  const priority = ({ name }: Port) =>
    (Object.hasOwn(uplinks ?? {}, name) ? uplinks?.[name]?.priority : undefined) ?? Number.POSITIVE_INFINITY;
  // Without a sign for infinity less infinity, which is no number.
  const byPriority = (a: Port, b: Port) =>
    Number(priority(a) > priority(b)) - Number(priority(a) < priority(b));
  return ports
    .filter(({ role }) => role === 'underlay')
    .sort((a, b) => Number(works(b)) - Number(works(a)) || byPriority(a, b))
    .map(({ nic }) => nic.kernelName);
}
