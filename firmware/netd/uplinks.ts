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
  /** Looks that speak against what `works` says: silent ones in a row, answered ones less what silent ones undid. */
  readonly against: number;
  /** Whether it is used again after it failed: then the next failure is a relapse. */
  readonly returned: boolean;
  /** How often it failed again without having worked for long in between. */
  readonly relapses: number;
  /** Looks since it last changed. */
  readonly looks: number;
  /** What the score is of; null before the first look. */
  readonly last: UplinkLook | null;
};

/** An uplink is believed to work until it is found not to: a start is not held up. */
export const unknownHealth: UplinkHealth = {
  ...{ works: true, score: 100, against: 0 },
  ...{ returned: false, relapses: 0, looks: 0, last: null },
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

/** Answered looks that bring back what failed: each relapse doubles them. */
export function looksToReturn(relapses: number): number {
  return limits.uplinkSuccesses * 2 ** Math.min(relapses, limits.uplinkRelapses);
}

/** Looks that make it work which did not, or the other way round. */
function looksToChange({ works, relapses }: UplinkHealth): number {
  return works ? limits.uplinkFailures : looksToReturn(relapses);
}

/** Seconds until it changes if it goes on as it last did; null where nothing speaks against how it is. */
export function secondsToChange(health: UplinkHealth): number | null {
  if (health.against === 0) return null;
  return ((looksToChange(health) - health.against) * limits.uplinkLookMs) / 1000;
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
  const now = { ...health, score, looks, last: look, ...(steady ? { returned: false, relapses: 0 } : {}) };
  if (score >= passing === health.works) return { ...now, against: setBack(health, look) };
  const against = health.against + 1;
  if (look.carrier && against < looksToChange(health)) return { ...now, against };
  const relapses = now.relapses + (health.works && now.returned ? 1 : 0);
  const changed = { works: !health.works, returned: !health.works, relapses };
  return { ...changed, score, against: 0, looks: 0, last: look };
}

/**
 * Looks that still count after one that speaks for how things are. One answer ends a silence; one lost answer does not
 * undo all those that speak for an uplink's return, or one that loses few would be minutes in coming back.
 */
function setBack({ works, against }: UplinkHealth, { carrier }: UplinkLook): number {
  return works || !carrier ? 0 : Math.max(0, against - limits.uplinkSetback);
}

/** The same of an uplink that has no other beside it: nothing would be moved, so that it works again as soon as it answers. */
export function judgeAlone(health: UplinkHealth, look: UplinkLook): UplinkHealth {
  const score = scoreOf(look);
  return score >= passing ? { ...unknownHealth, score, last: look } : judge(health, look);
}

/** Of no use (0), answering lately but not yet for long enough (1), working (2). */
export function usefulness({ works, score }: UplinkHealth): 0 | 1 | 2 {
  if (works) return 2;
  return score >= passing ? 1 : 0;
}

/**
 * The underlay's ports, most preferred first: those that work before those that do not, then by the priority that the
 * settings give, then in their own order. Where none works, those that begin to go first.
 *
 * @param health by the kernel's name
 */
export function rankUplinks(
  ports: readonly Port[],
  { uplinks }: NetworkSettings['underlay'],
  health: ReadonlyMap<string, UplinkHealth>,
): readonly string[] {
  const underlay = ports.filter(({ role }) => role === 'underlay');
  const known = ({ nic }: Port) => usefulness(health.get(nic.kernelName) ?? unknownHealth);
  const best = Math.max(...underlay.map(known));
  // Below the best they change places for nothing: routes would come and go with every look.
  const isBest = (port: Port) => known(port) === best;
  const priority = ({ name }: Port) =>
    (Object.hasOwn(uplinks ?? {}, name) ? uplinks?.[name]?.priority : undefined) ?? Number.POSITIVE_INFINITY;
  // Without a sign for infinity less infinity, which is no number.
  const byPriority = (a: Port, b: Port) =>
    Number(priority(a) > priority(b)) - Number(priority(a) < priority(b));
  return underlay
    .sort((a, b) => Number(isBest(b)) - Number(isBest(a)) || byPriority(a, b))
    .map(({ nic }) => nic.kernelName);
}
