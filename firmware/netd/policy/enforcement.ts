import { parseAddress, parseAddressRange, unionOf } from '../../policy/address-line.ts';
import { type CompiledPolicy, compilePolicy } from '../../policy/compile.ts';
import {
  type ExplainedLan,
  type ExplainQuery,
  type Explanation,
  explain,
  sayWhy,
} from '../../policy/explain.ts';
import { flowMarks } from '../../policy/flow-marks.ts';
import { type AddressOwner, renderLanGuard } from '../../policy/lan-guard.ts';
import { limits } from '../../policy/limits.ts';
import { hitsSet, policyTables, renderPolicy } from '../../policy/nftables.ts';
import type { GatewayFacts, PolicyInput } from '../../policy/policy.ts';
import { numberRules } from '../../policy/rule-numbers.ts';
import { isActive, minuteOfWeek } from '../../policy/schedule.ts';
import type { NetworkSettings } from '../../store/network-schema.ts';
import type { Settings } from '../../store/settings-schema.ts';
import { overlayDevice } from '../desired.ts';
import { type CommandRunner, type NetworkSystem, programs } from '../system-port.ts';
import { addCounts, type Counts, parseCounters, parseHits } from './counts.ts';
import type { NameListener } from './discovery.ts';
import { formatMemory, type KernelMemory, parseMemory } from './memory.ts';
import { type Neighbour, parseNeighbours } from './neighbours.ts';
import { type LinkAddresses, networkAddresses } from './network-addresses.ts';
import { policyPeers } from './peers.ts';
import { type GatewayVerdicts, gatewayVerdicts } from './verdicts.ts';

export type PolicyPorts = Pick<
  NetworkSystem,
  'setTimer' | 'log' | 'readText' | 'replaceText' | 'runFolder'
> & {
  readonly run: CommandRunner;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Overhears multicast DNS on a link; without it no names are known but those that hosts tell the DHCP server. */
  readonly listenForNames?: (
    link: string,
    onMessage: (message: Uint8Array, source: Uint8Array) => void,
  ) => Promise<NameListener>;
  /** The claims of a signed token, null where none of the keys (PEM) signed it; without this nothing is known of peers. */
  readonly readToken?: (token: string, keys: readonly string[]) => unknown;
  /** Of the hosts' networks the addresses that nobody's settings say: a provider's prefix comes and goes. */
  readonly interfaces?: () => LinkAddresses;
  /** Told of each policy that comes in force. */
  readonly inForce?: (policy: PolicyInForce) => void;
};

/** What the policy depends on besides the time. */
export type PolicyFacts = {
  readonly settings: Pick<Settings, 'policy' | 'overlay' | 'network'>;
  readonly own: GatewayFacts;
  /** Links of hosts' networks, and those of them whose ports are kept apart. */
  readonly lan: readonly string[];
  readonly apart: readonly string[];
};

/** How often a rule decided about a connection since the box started. */
export type RuleReport = {
  readonly id: string;
  readonly number: number;
  /** False outside its schedule. */
  readonly active: boolean;
  readonly connections: number;
};

export type PolicyReport = {
  /** What keeps the newest policy from being in force, or null. */
  readonly problem: string | null;
  readonly generation: number;
  readonly rules: readonly RuleReport[];
  /** Connections allowed, and packets denied by reason; `cut`: of connections that were allowed before; `unlogged`: left out of records. */
  readonly counters: Readonly<Record<string, number>>;
};

/** A host that was seen on the LAN, or a device that the settings name and that was not. */
export type DeviceReport = {
  readonly device: string | null;
  readonly address: string | null;
  readonly mac: string | null;
  readonly link: string | null;
  readonly state: 'accepted' | 'quarantine' | 'permitted' | 'not seen';
};

export type Explained = Explanation & { readonly why: string };

export type PolicyInForce = {
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly facts: PolicyFacts;
  readonly input: PolicyInput;
  readonly compiled: CompiledPolicy;
};

/** Rules begin and end on the minute. */
const minuteMs = 60_000;
/** A device that is known by its MAC alone is let through this long after it was first seen. */
const neighboursMs = 5_000;
/** Verdicts lapse by the clock, which may jump. */
const verdictsMs = 600_000;
/** A ruleset that the kernel refused is tried again after this. */
const retryMs = 10_000;
/** A whole ruleset takes the kernel seconds where it is slow and busy. */
const rulesetMs = 120_000;

/**
 * Keeps the kernel's ruleset as the policy and the clock have it. A policy that cannot be compiled or loaded leaves the
 * one before in force; before the first one nothing is forwarded.
 */
export class PolicyEnforcement {
  readonly #ports: PolicyPorts;
  readonly #memoryFile: string;
  #memory: KernelMemory;
  #wanted: PolicyFacts | null = null;
  #inForce: PolicyInForce | null = null;
  /** The ruleset in the kernel but for its generation. */
  #loaded = '';
  #problem: string | null = 'the policy is not in force yet';
  /** Claims of the tokens of one document, whose signatures are checked once. */
  #claims: { readonly of: object | undefined; readonly claims: readonly unknown[] } = {
    of: undefined,
    claims: [],
  };
  #verdicts: GatewayVerdicts = { of: new Map(), until: null };
  #work: Promise<unknown> = Promise.resolve();
  #timer: { readonly close: () => void } | null = null;
  #closed = false;

  constructor(ports: PolicyPorts) {
    this.#ports = ports;
    this.#memoryFile = `${ports.runFolder}/policy.json`;
    this.#memory = parseMemory(ports.readText(this.#memoryFile));
  }

  /** Puts a policy in force; resolves with what kept it from being so, or null. */
  apply(facts: PolicyFacts): Promise<string | null> {
    this.#wanted = facts;
    return this.#enqueue();
  }

  /** Why a connection would be let through or not by the policy in force. */
  explain(query: ExplainQuery): { ok: true; value: Explained } | { ok: false; problem: string } {
    const inForce = this.#inForce;
    if (inForce === null) return { ok: false, problem: this.#problem ?? 'no policy is in force' };
    const { input, compiled, facts } = inForce;
    const now = minuteOfWeek(this.#ports.now());
    const lans = explainedLans(facts, this.#ports.interfaces?.() ?? []);
    const result = explain({ input, compiled, lans }, query);
    if (!result.ok) return result;
    return { ok: true, value: { ...result.value, why: sayWhy(result.value, input.policy.rules, now) } };
  }

  /** What the policy in force was made of; null before the first. */
  input(): PolicyInput | null {
    return this.#inForce?.input ?? null;
  }

  async report(): Promise<PolicyReport> {
    const isBridged = (this.#inForce?.facts.apart.length ?? 0) > 0;
    const counts = await Promise.all([
      this.#countsOf(policyTables.routed),
      ...(isBridged ? [this.#countsOf(policyTables.bridged)] : []),
    ]);
    const { hits: connections, counters } = addCounts(counts);
    const now = minuteOfWeek(this.#ports.now());
    const numbers = this.#inForce?.compiled.numbers;
    return {
      problem: this.#problem,
      generation: this.#memory.generation,
      rules: (this.#inForce?.input.policy.rules ?? []).map((rule) => {
        const number = numbers?.get(rule.id) ?? 0;
        return {
          id: rule.id,
          number,
          active: isActive(rule, now),
          connections: connections.get(number) ?? 0,
        };
      }),
      counters,
    };
  }

  async #countsOf(table: string): Promise<Counts> {
    const [hits, counters] = await Promise.all([
      this.#ports.run(programs.nft, ['-j', 'list', 'set', ...table.split(' '), hitsSet]),
      this.#ports.run(programs.nft, ['-j', 'list', 'counters', 'table', ...table.split(' ')]),
    ]);
    return {
      hits: hits.status === 0 ? parseHits(hits.stdout) : new Map(),
      counters: counters.status === 0 ? parseCounters(counters.stdout) : {},
    };
  }

  /** Who is on the LAN, by what the kernel heard, and who of the devices that are named is not. */
  async devices(): Promise<readonly DeviceReport[]> {
    const inForce = this.#inForce;
    if (inForce === null) return [];
    const { endpoints, accepted } = inForce.compiled;
    const seen = (await this.#neighbours(inForce.facts)).map(({ address, mac, link }): DeviceReport => {
      const place = parseAddress(address);
      const [found] = place === undefined ? [] : endpoints.devicesAt(place);
      const device = found?.name ?? null;
      const state = device !== null ? 'accepted' : accepted === null ? 'permitted' : 'quarantine';
      return { device, address, mac, link, state };
    });
    const names = new Set(seen.map(({ device }) => device));
    const others = inForce.input.policy.devices
      .filter(({ name }) => !names.has(name))
      .map(({ name, addresses, mac = null }): DeviceReport => {
        return { device: name, address: addresses?.[0] ?? null, mac, link: null, state: 'not seen' };
      });
    return [...seen, ...others];
  }

  /** The rules stay in the kernel. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.close();
    await this.#work;
  }

  #enqueue(): Promise<string | null> {
    const done = this.#work.then(() => this.#enforce());
    this.#work = done;
    return done;
  }

  async #enforce(): Promise<string | null> {
    if (this.#closed || this.#wanted === null) return this.#problem;
    const before = this.#problem;
    this.#problem = await this.#load(this.#wanted);
    if (this.#problem !== null && this.#problem !== before)
      this.#ports.log('error', `The policy is not in force: ${this.#problem}`);
    this.#wait(this.#wanted);
    return this.#problem;
  }

  async #load(facts: PolicyFacts): Promise<string | null> {
    const { settings, own, lan, apart } = facts;
    const learned = hasLearners(facts) ? addressesByMac(await this.#neighbours(facts)) : new Map();
    this.#verdicts = this.#verdictsOf(settings.policy);
    const peers = policyPeers(settings.overlay.peers, this.#verdicts.of);
    const input = { policy: settings.policy, own, peers, learned };
    const ids = settings.policy.rules.map(({ id }) => id);
    const { numbers, startedOver } = numberRules(this.#memory.numbers, ids);
    const result = compilePolicy(input, numbers, minuteOfWeek(this.#ports.now()));
    if (!result.ok) return result.problem;
    const compiled = result.value;
    const render = (generation: number) =>
      renderPolicy(compiled, { lan, apart, overlay: overlayDevice, generation, startOver: startedOver }) +
      renderLanGuard([...compiled.bound, ...reserved(settings.network)], lan);
    const text = render(0);
    // Before the kernel has it, since from then on connections begin under it.
    const since = this.#ports.now();
    const isOther = text !== this.#loaded;
    if (isOther) {
      const generation = (this.#memory.generation % limits.generations) + 1;
      const refused = await this.#replace({ generation, numbers }, render(generation));
      if (refused !== null) return refused;
      this.#loaded = text;
    }
    const isNew = isOther || facts !== this.#inForce?.facts;
    this.#inForce = { since, facts, input, compiled };
    if (isNew) this.#ports.inForce?.(this.#inForce);
    return null;
  }

  #verdictsOf({ verdicts }: PolicyFacts['settings']['policy']): GatewayVerdicts {
    const { readToken, now } = this.#ports;
    if (this.#claims.of !== verdicts) {
      const claims = (verdicts?.tokens ?? []).map((token) => readToken?.(token, verdicts?.verifiers ?? []));
      this.#claims = { of: verdicts, claims };
    }
    return gatewayVerdicts(this.#claims.claims, verdicts?.validHours ?? 0, now());
  }

  async #neighbours({ lan }: PolicyFacts): Promise<readonly Neighbour[]> {
    const { status, stdout } = await this.#ports.run(programs.ip, ['-j', 'neigh', 'show']);
    return status === 0 ? parseNeighbours(stdout).filter(({ link }) => lan.includes(link)) : [];
  }

  async #replace(memory: KernelMemory, ruleset: string): Promise<string | null> {
    const { run, replaceText, log } = this.#ports;
    // Connections that slept since this generation was in force last would be taken for decided.
    const mask = `0x${flowMarks.generationMask.toString(16)}`;
    const mark = `0x${(memory.generation * 2 ** flowMarks.generationShift).toString(16)}/${mask}`;
    const { status, stderr } = await run(programs.conntrack, ['-D', '-m', mark]);
    if (status !== 0 && !/0 flow entries/.test(stderr))
      log('warning', `connections of an earlier policy could not be looked for: ${firstLine(stderr)}`);
    // First, so that a number is never given twice, whatever happens in between.
    const unwritten = replaceText(this.#memoryFile, formatMemory(memory));
    if (unwritten !== null) log('warning', `the numbers of rules could not be written: ${unwritten}`);
    this.#memory = memory;
    const loaded = await run(programs.nft, ['-f', '-'], { input: ruleset, timeoutMs: rulesetMs });
    return loaded.status === 0
      ? null
      : `nft refused it (status ${loaded.status}): ${firstLine(loaded.stderr)}`;
  }

  /** Looks again when the minute changes, where a schedule may begin or end then; by the clock, which may jump. */
  #wait(facts: PolicyFacts): void {
    this.#timer?.close();
    this.#timer = null;
    const { until } = this.#verdicts;
    const isTimed = facts.settings.policy.rules.some(({ schedule }) => schedule !== undefined);
    const delays = [
      ...(this.#problem === null ? [] : [retryMs]),
      ...(isTimed ? [minuteMs - (this.#ports.now() % minuteMs)] : []),
      ...(hasLearners(facts) ? [neighboursMs] : []),
      ...(until === null ? [] : [Math.min(Math.max(until - this.#ports.now(), 1), verdictsMs)]),
    ];
    if (delays.length === 0) return;
    const delay = Math.min(...delays);
    this.#timer = this.#ports.setTimer(delay, () => void this.#enqueue());
  }
}

/** Whether a device is known by its MAC alone. */
function hasLearners({ settings }: PolicyFacts): boolean {
  return settings.policy.devices.some(({ addresses, mac }) => addresses === undefined && mac !== undefined);
}

function addressesByMac(neighbours: readonly Neighbour[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const { mac, address } of neighbours) {
    const addresses = found.get(mac) ?? [];
    found.set(mac, addresses);
    // More is somebody who makes them up.
    if (addresses.length < limits.addressesPerDevice) addresses.push(address);
  }
  return found;
}

/** By addresses, what the ruleset tells by links: so a link's own count, too, but for those that every link has. */
function explainedLans(facts: PolicyFacts, links: LinkAddresses): readonly ExplainedLan[] {
  const { lan, apart } = facts;
  const { lan: main, networks = {} } = facts.settings.network;
  const addresses = networkAddresses(facts, links);
  return [main, ...Object.values(networks)].map(({ ntpServer }, index) => {
    const given = addresses[index] ?? [];
    const read = (texts: readonly string[]) =>
      unionOf(texts.map(parseAddressRange).filter((range) => range !== undefined));
    return {
      ranges: read(given),
      isApart: apart.includes(lan[index] ?? ''),
      servesTime: ntpServer === true,
      own: read(given.map((text) => text.split('/')[0] ?? '')),
    };
  });
}

/** Addresses that the DHCP server keeps for a MAC are that MAC's. */
function reserved({ lan, networks = {} }: NetworkSettings): readonly AddressOwner[] {
  return [lan, ...Object.values(networks)].flatMap(({ reservations = [] }) =>
    reservations.flatMap(({ mac, address }) => {
      const range = parseAddressRange(address);
      return range === undefined ? [] : [{ mac, ranges: [range] }];
    }),
  );
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}
