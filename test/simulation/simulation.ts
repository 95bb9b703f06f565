import type { PeerSettings } from '../../firmware/store/settings-schema.ts';
import { Attacker } from './attacker.ts';
import { Gateway, type Surroundings } from './gateway.ts';
import { makeRole } from './impostor.ts';
import { Nat } from './nat.ts';
import { SeededRandom } from './random.ts';
import type { GatewayPlan, Outcome, PairPlan, PlannedEvent, Scenario } from './scenario.ts';
import { Underlay } from './underlay.ts';
import { VirtualTime } from './virtual-time.ts';
import { Witness } from './witness.ts';

/** How long after healing every pair must carry. */
const convergeWithinMs = 180_000;
/** Exchanges that crossed may still replace each other for this long: R2-SENT's time and a signature's. */
const settleMs = 35_000;
/** And then, for this long, nothing at all may be lost. */
const steadyMs = 20_000;
/** A name's addresses change this long after a gateway's. */
const nameDelayMs = 5_000;
/** Data on its way for longer than this is lost: no path of a healed network takes it. */
const onTheWayMs = 5_000;

/** Where an impostor is that gets nothing of whom it plays. */
const impostorAddress = '203.0.113.67';

type Flow = { readonly from: Gateway; readonly to: Gateway; lastArrivalSentAt: number };

/**
 * Runs a scenario to its end or to the first breach of an invariant. The same scenario does the same each time; `trace`
 * gets a line for everything that happens.
 */
export async function simulate(scenario: Scenario, trace?: (line: string) => void): Promise<Outcome> {
  const simulation = new Simulation(scenario, trace);
  return simulation.run();
}

class Simulation {
  readonly #scenario: Scenario;
  readonly #time = new VirtualTime();
  readonly #witness: Witness;
  readonly #underlay: Underlay;
  readonly #surroundings: Surroundings;
  readonly #gateways = new Map<string, Gateway>();
  readonly #nats = new Map<string, Nat>();
  readonly #attacker: Attacker;
  readonly #flows: Flow[] = [];
  readonly #names = new Map<string, readonly string[]>();
  /** What the heal ends early. */
  readonly #cures: (() => void)[] = [];
  readonly #onTheWay = new Map<
    number,
    { readonly flow: Flow; readonly at: number; readonly isSteady: boolean }
  >();
  readonly #touched = new Set<Gateway>();
  readonly #note: (line: () => string) => void;
  #dataId = 0;
  #isSteady = false;

  constructor(scenario: Scenario, trace: ((line: string) => void) | undefined) {
    this.#scenario = scenario;
    this.#note = (line) => trace?.(`${this.#time.now.toFixed(3).padStart(12)} ${line()}`);
    this.#witness = new Witness(() => this.#time.now);
    const random = (name: string) => new SeededRandom(scenario.seed, name);
    this.#underlay = new Underlay(this.#time, random('underlay'));
    this.#surroundings = {
      seed: scenario.seed,
      rekey: scenario.rekey,
      time: this.#time,
      underlay: this.#underlay,
      witness: this.#witness,
      lookUp: (name) => this.#names.get(name) ?? (name.endsWith('.example') ? [] : [name]),
      touched: (gateway) => void this.#touched.add(gateway),
      note: this.#note,
    };
    this.#attacker = new Attacker(this.#underlay, random('attacker'));
    for (const plan of scenario.nats) {
      this.#underlay.setLink(plan.name, plan.link);
      this.#nats.set(plan.name, new Nat(plan, this.#underlay, this.#time, random(plan.name)));
    }
    for (const plan of scenario.gateways) this.#addGateway(plan);
    for (const name of this.#gateways.keys()) this.#gateway(name).peers = this.#peersOf(name);
    for (const { ends } of scenario.pairs) {
      const [left, right] = ends;
      this.#addFlow(left, right);
      this.#addFlow(right, left);
    }
    for (const event of scenario.events) this.#time.after(event.at, () => this.#happen(event));
  }

  async run(): Promise<Outcome> {
    const { healAt } = this.#scenario;
    for (const gateway of this.#gateways.values()) gateway.boot();
    await this.#until(healAt);
    this.#heal();
    const isUp = () => this.#flows.every(({ lastArrivalSentAt }) => lastArrivalSentAt > healAt);
    await this.#until(healAt + convergeWithinMs, isUp);
    const convergedMs = isUp() ? this.#time.now - healAt : null;
    if (convergedMs === null) this.#witness.report('converges once the network heals', this.#describeDown());
    await this.#until(this.#time.now + settleMs);
    this.#isSteady = true;
    await this.#until(this.#time.now + steadyMs);
    this.#isSteady = false;
    await this.#until(this.#time.now + onTheWayMs);
    for (const { flow, isSteady, at } of this.#onTheWay.values()) {
      if (!isSteady || this.#time.now - at < onTheWayMs) continue;
      this.#witness.report(
        'nothing is lost on a healthy network',
        `${describe(flow)}, sent at ${at.toFixed(3)}`,
      );
    }
    const { fault, counts } = this.#witness;
    counts.datagrams = this.#underlay.datagrams;
    counts.hostile = this.#attacker.sent;
    return { fault, convergedMs, counts };
  }

  /** Lets time pass, one appointment after the other, each with everything that its promises bring about. */
  async #until(time: number, isDone: () => boolean = () => false): Promise<void> {
    for (;;) {
      if (this.#touched.size > 0) {
        await new Promise(setImmediate);
        for (const gateway of this.#touched) gateway.look();
        this.#touched.clear();
      }
      if (this.#witness.fault !== null || isDone() || !this.#time.step(time)) return;
    }
  }

  #gateway(name: string): Gateway {
    const gateway = this.#gateways.get(name);
    if (gateway === undefined) throw new RangeError(`no gateway ${name}`);
    return gateway;
  }

  #addGateway(plan: GatewayPlan): void {
    const nat = plan.behind === null ? undefined : this.#nats.get(plan.behind);
    const gateway = new Gateway(plan, this.#surroundings, nat);
    this.#gateways.set(plan.name, gateway);
    this.#witness.introduce(plan.name, gateway.hit);
    const forwarding = this.#scenario.nats.find(({ forwardsTo }) => forwardsTo === plan.name);
    if (forwarding !== undefined)
      this.#nats.get(forwarding.name)?.forward({ address: plan.addresses[0] ?? '', port: 10_500 }, gateway);
    this.#publish(plan.name);
    gateway.onData((id) => this.#arrived(id));
  }

  /** Tells the world where a gateway is now. */
  #publish(name: string): void {
    const { plan, addresses } = this.#gateway(name);
    const outside = plan.behind === null ? addresses : this.#outerAddresses(plan.behind);
    this.#names.set(`${name}.example`, outside);
  }

  readonly #natAddresses = new Map<string, string>();

  #outerAddresses(nat: string): readonly string[] {
    const planned = this.#scenario.nats.find(({ name }) => name === nat)?.address;
    const address = this.#natAddresses.get(nat) ?? planned;
    return address === undefined ? [] : [address];
  }

  #peersOf(name: string): PeerSettings[] {
    return this.#scenario.pairs
      .filter(({ ends }) => ends.includes(name))
      .map((pair) => this.#settingsOf(pair.ends[0] === name ? pair.ends[1] : pair.ends[0], pair));
  }

  #settingsOf(name: string, { connect, framing }: Pick<PairPlan, 'connect' | 'framing'>): PeerSettings {
    const { plan, hit } = this.#gateway(name);
    const addresses = plan.behind === null ? plan.addresses : this.#outerAddresses(plan.behind);
    const [host = '', ...others] = (plan.hasName ? [`${name}.example`] : addresses).map((place) =>
      place.includes(':') ? `[${place}]` : place,
    );
    const uri = `hip://${host}:10500/${hit}`;
    return { name, uri, locators: others, protectedPrefixes: [], connect, framing };
  }

  #addFlow(from: string, to: string): void {
    const flow = { from: this.#gateway(from), to: this.#gateway(to), lastArrivalSentAt: -1 };
    const period = this.#scenario.trafficMs;
    // Spread, so that not every packet meets the same moment.
    const offset = (period * this.#flows.length) / 7;
    this.#flows.push(flow);
    const send = () => {
      this.#time.after(period, send);
      const id = this.#dataId++;
      const isSent = flow.from.sendData(id, flow.to.hit);
      if (isSent) this.#onTheWay.set(id, { flow, at: this.#time.now, isSteady: this.#isSteady });
      else if (this.#isSteady)
        this.#witness.report('nothing is lost on a healthy network', `${describe(flow)}: no way for it`);
    };
    this.#time.after(1_000 + (offset % period), send);
  }

  #arrived(id: number): void {
    const sent = this.#onTheWay.get(id);
    if (sent === undefined) return;
    this.#onTheWay.delete(id);
    sent.flow.lastArrivalSentAt = Math.max(sent.flow.lastArrivalSentAt, sent.at);
  }

  #describeDown(): string {
    const { healAt } = this.#scenario;
    return this.#flows
      .filter(({ lastArrivalSentAt }) => lastArrivalSentAt <= healAt)
      .map((flow) => {
        const tunnel = flow.from.tunnels().find(({ hit }) => hit === flow.to.hit);
        return `${describe(flow)} in ${tunnel?.state ?? 'nothing'} (${tunnel?.lastError ?? 'no error'})`;
      })
      .join(', ');
  }

  /** An end that comes at its time or with the heal, whichever is first. */
  #forAWhile(milliseconds: number, end: () => void): void {
    let isOver = false;
    const once = () => {
      if (!isOver) end();
      isOver = true;
    };
    this.#cures.push(once);
    this.#time.after(milliseconds, once);
  }

  #heal(): void {
    this.#note(() => 'the network heals');
    for (const cure of this.#cures.splice(0)) cure();
    const healthy = (latencyMs: number) => ({ loss: 0, duplication: 0, latencyMs, jitterMs: 0 });
    for (const { name, link } of [...this.#scenario.gateways, ...this.#scenario.nats])
      this.#underlay.setLink(name, healthy(Math.min(50, link.latencyMs)));
  }

  #happen(event: PlannedEvent): void {
    this.#note(() => JSON.stringify(event));
    switch (event.type) {
      case 'crash':
      case 'restart': {
        const gateway = this.#gateway(event.gateway);
        gateway.cut({ power: event.type === 'crash' });
        this.#forAWhile(event.downMs, () => gateway.boot());
        break;
      }
      case 'sleep': {
        const gateway = this.#gateway(event.gateway);
        gateway.suspend();
        this.#forAWhile(event.forMs, () => gateway.resume());
        break;
      }
      case 'readdress':
        this.#gateway(event.gateway).setAddresses(event.addresses);
        this.#forAWhile(nameDelayMs, () => this.#publish(event.gateway));
        break;
      case 'link':
        this.#underlay.setLink(event.of, event.link);
        break;
      case 'partition':
        this.#forAWhile(event.forMs, this.#underlay.partition(event.of));
        break;
      case 'rebind':
        this.#rebind(event);
        break;
      case 'unpair':
        this.#unpair(event);
        break;
      case 'attack':
        this.#attack(event);
        break;
      case 'impostor':
        this.#pose(event);
        break;
    }
  }

  #rebind({ nat, address }: Extract<PlannedEvent, { type: 'rebind' }>): void {
    this.#nats.get(nat)?.rebind(address);
    if (address === undefined) return;
    this.#natAddresses.set(nat, address);
    this.#forAWhile(nameDelayMs, () => {
      for (const { name, behind } of this.#scenario.gateways) if (behind === nat) this.#publish(name);
    });
  }

  #unpair({ gateway: name, peer, forMs }: Extract<PlannedEvent, { type: 'unpair' }>): void {
    const gateway = this.#gateway(name);
    gateway.setPeers(gateway.peers.filter((settings) => settings.name !== peer));
    this.#forAWhile(forMs, () => gateway.setPeers(this.#peersOf(name)));
  }

  #attack({ kind, count, overMs }: Extract<PlannedEvent, { type: 'attack' }>): void {
    const gateways = [...this.#gateways.values()];
    let left = count;
    const strike = () => {
      if (left-- <= 0) return;
      this.#attacker.strike(kind, gateways);
      this.#time.after(overMs / count, strike);
    };
    strike();
    this.#cures.push(() => {
      left = 0;
    });
  }

  #pose(event: Extract<PlannedEvent, { type: 'impostor' }>): void {
    const played = this.#gateway(event.plays);
    const victim = this.#gateway(event.victim);
    const random = new SeededRandom(this.#scenario.seed, `impostor ${event.at}`);
    const plan: GatewayPlan = {
      ...played.plan,
      name: 'impostor',
      addresses: event.intercepts ? played.addresses : [impostorAddress],
      behind: null,
    };
    const role = makeRole(event.has, played.identity, random);
    const impostor = new Gateway(plan, this.#surroundings, undefined, role);
    const ends = plan.addresses.map((address) => this.#underlay.hijack(address, impostor));
    impostor.peers = [this.#settingsOf(victim.name, { connect: 'always', framing: 'udp' })];
    impostor.boot();
    this.#forAWhile(event.forMs, () => {
      impostor.cut({ power: true });
      for (const end of ends) end();
    });
  }
}

function describe({ from, to }: Flow): string {
  return `${from.name} to ${to.name}`;
}
