import type { NetworkSettings } from '../store/network-schema.ts';
import { limits } from './limits.ts';
import type { Port } from './ports.ts';

/** How many were asked, and how many answered. */
type Answers = { readonly asked: number; readonly answered: number };

/** What one look at an uplink found. */
export type UplinkLook = {
  readonly carrier: boolean;
  /** Whether its gateway answers; null where it has none, or it is not known. */
  readonly gateway: boolean | null;
  /** Whether a name server that came with it answers; null where none did. */
  readonly names: boolean | null;
  /** Of the addresses that are asked through it, which answer. */
  readonly destinations: readonly boolean[];
  /** Peers whose associations go out by it and were sent something. */
  readonly peers: Answers;
};

/** How an uplink has been doing. `works` decides; the rest is how near it is to changing. */
export type UplinkHealth = {
  readonly works: boolean;
  /** 0 to 100, of the last look. */
  readonly score: number;
  /** Looks in a row that speak against what `works` says. */
  readonly against: number;
  /** Whether it is used again after it failed: then the next failure is a relapse. */
  readonly returned: boolean;
  /** How often it failed again without having worked for long in between. */
  readonly relapses: number;
  /** Looks since it last changed. */
  readonly looks: number;
};

/** An uplink is believed to work until it is found not to: a start is not held up. */
export const unknownHealth: UplinkHealth = {
  ...{ works: true, score: 100, against: 0 },
  ...{ returned: false, relapses: 0, looks: 0 },
};

/** What is found of a link that has no cable. */
export const unplugged: UplinkLook = {
  ...{ carrier: false, gateway: null, names: null, destinations: [] },
  peers: { asked: 0, answered: 0 },
};

/**
 * What lies further away counts more: a gateway answers when nothing is behind it, too, and tunnels are what an uplink is
 * for. Peers that are silent outweigh all that answers nearer; peers that answer outweigh everything else.
 */
const weights = { gateway: 40, names: 20, destinations: 60, peers: 140 } as const;
const passing = 50;

/** 0 without a link; otherwise the share of what was asked that answered. */
export function scoreOf({ carrier, gateway, names, destinations, peers }: UplinkLook): number {
  if (!carrier) return 0;
  const answers: Record<keyof typeof weights, Answers> = {
    gateway: one(gateway),
    names: one(names),
    destinations: { asked: destinations.length, answered: destinations.filter(Boolean).length },
    peers,
  };
  let [asked, answered] = [0, 0];
  for (const kind of ['gateway', 'names', 'destinations', 'peers'] as const) {
    const of = answers[kind];
    if (of.asked === 0) continue;
    asked += weights[kind];
    answered += (weights[kind] * of.answered) / of.asked;
  }
  return asked === 0 ? 100 : Math.round((100 * answered) / asked);
}

function one(answer: boolean | null): Answers {
  return { asked: answer === null ? 0 : 1, answered: answer === true ? 1 : 0 };
}

/** Looks in a row that bring back what failed: each relapse doubles them. */
export function looksToReturn(relapses: number): number {
  return limits.uplinkSuccesses * 2 ** Math.min(relapses, limits.uplinkRelapses);
}

/**
 * What a look makes of an uplink's health. A lost link counts at once, silence after a few looks, and what failed has
 * to do well for a while before it is used again, the longer the oftener it failed: an uplink that comes and goes does
 * not take the tunnels with it.
 */
export function judge(health: UplinkHealth, look: UplinkLook): UplinkHealth {
  const score = scoreOf(look);
  const looks = health.looks + 1;
  // Having worked for long makes good what was before.
  const steady = health.works && health.looks >= limits.uplinkSteady;
  const now = { ...health, score, looks, ...(steady ? { returned: false, relapses: 0 } : {}) };
  if (score >= passing === health.works) return { ...now, against: 0 };
  const against = health.against + 1;
  const enough = health.works ? limits.uplinkFailures : looksToReturn(now.relapses);
  if (look.carrier && against < enough) return { ...now, against };
  const relapses = now.relapses + (health.works && now.returned ? 1 : 0);
  return { works: !health.works, score, against: 0, returned: !health.works, relapses, looks: 0 };
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
