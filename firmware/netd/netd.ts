import type { NetworkSettings } from '../store/network-schema.ts';
import { applyFirewall, applyPlan, type Failures, observeNetwork } from './apply.ts';
import { ClockKeeper } from './clock/clock-keeper.ts';
import { TimeServer } from './clock/time-server.ts';
import { type DesiredNetwork, desiredNetwork } from './desired.ts';
import { isEmptyPlan, type ObservedNetwork, planNetwork } from './diff.ts';
import { limits } from './limits.ts';
import { type LinkSpeed, linkSpeed } from './link-speed.ts';
import { type Mirror, mirrorStatus } from './mirror.ts';
import { Modems } from './modem/modems.ts';
import type { Observation } from './observed.ts';
import { describeOther, describePlan } from './plan-text.ts';
import { assignPorts, type Port, type PortRules } from './ports.ts';
import { uplinkPorts } from './segments.ts';
import { NetworkServices } from './services.ts';
import { interfaceStatus, type NetworkStatus, type UplinkAddress, uplinkAddresses } from './status.ts';
import { type NetworkSystem, programs } from './system-port.ts';
import { UplinkWatch, type WatchedUplink } from './uplink-watch.ts';
import { rankUplinks } from './uplinks.ts';

export type NetworkInput = {
  /** `network` of the merged settings. */
  readonly settings: NetworkSettings;
  /** `ports` of the board profile. */
  readonly portRules: PortRules;
  readonly claimed: boolean;
  /**
   * Called when the addresses that peers can reach have changed, or which of them is preferred; not for the first ones,
   * which `uplinkAddresses` has.
   */
  readonly onChange?: (uplinks: readonly UplinkAddress[]) => void;
  /** How the peers do whose tunnels leave from an address of the box. */
  readonly peers?: () => readonly PeerAnswer[];
};

/** Whether a peer that was sent something from this address has answered. */
export type PeerAnswer = { readonly address: string; readonly answers: boolean };

/** The network while it is kept as it should be. */
export type Network = {
  /** As of the last look at the kernel; `refresh` first for current counters. */
  readonly snapshot: () => NetworkStatus;
  readonly refresh: () => Promise<void>;
  readonly uplinkAddresses: () => readonly UplinkAddress[];
  readonly ports: () => readonly Port[];
  /** Both resolve when the change has been applied, or has failed and says so in `snapshot`. */
  readonly setClaimed: (claimed: boolean) => Promise<void>;
  readonly reconfigure: (settings: NetworkSettings) => Promise<void>;
  /** What `reconfigure` with these settings would do now, a line each; nothing is done. */
  readonly plan: (settings: NetworkSettings) => Promise<readonly string[]>;
  /** Ends watching and the DHCP programs. The network stays as it is. */
  readonly close: () => Promise<void>;
};

const nothing: Observation = { links: [], routes: [], announced: [] };

/** The reconciler: one pass at a time takes the network from what is to what should be. */
class Reconciler {
  readonly #system: NetworkSystem;
  readonly #onChange: NonNullable<NetworkInput['onChange']>;
  readonly #peers: NonNullable<NetworkInput['peers']>;
  readonly #services: NetworkServices;
  readonly #portRules: PortRules;
  readonly #uplinks: UplinkWatch;
  readonly #modems: Modems;
  readonly #clock: ClockKeeper;
  readonly #time: TimeServer;
  readonly #watches: { close: () => void | Promise<void> }[] = [];
  #settings: NetworkSettings;
  #claimed: boolean;

  #ports: readonly Port[] = [];
  #observation: Observation = nothing;
  #desired: DesiredNetwork | null = null;
  #firewall: string | null = null;
  #mirror = '';
  #speeds: ReadonlyMap<string, LinkSpeed> = new Map();
  #state: NetworkStatus['state'] = 'applying';
  #failures: Failures = [];
  #announced: string | null = null;

  #pass: Promise<void> = Promise.resolve();
  #waiting: Promise<void> | null = null;
  #timer: { readonly close: () => void } | null = null;
  #soonest = 0;
  #retryMs: number = limits.firstRetryMs;
  #closed = false;

  constructor(system: NetworkSystem, { settings, portRules, claimed, onChange, peers }: NetworkInput) {
    this.#system = system;
    this.#settings = settings;
    this.#portRules = portRules;
    this.#claimed = claimed;
    this.#onChange = onChange ?? (() => {});
    this.#peers = peers ?? (() => []);
    this.#services = new NetworkServices(system);
    this.#clock = new ClockKeeper(system);
    this.#time = new TimeServer(system, () => this.#clock.state());
    this.#modems = new Modems(system, () => void this.#queue());
    this.#uplinks = new UplinkWatch(system, {
      uplinks: () => this.#watchedUplinks(),
      probes: () => this.#settings.underlay.probes ?? [],
      onChange: () => void this.#queue(),
    });
  }

  async start(): Promise<void> {
    const look = () => this.#lookSoon(limits.coalesceMs);
    // First, since it makes the folder that the DHCP clients write to.
    this.#watches.push(this.#system.watchFolder(this.#services.leaseFolder, look));
    await this.#queue();
    const args = ['-o', 'monitor', 'link', 'address'];
    this.#watches.push(this.#system.supervise({ command: programs.ip, args, onLine: look }), this.#uplinks);
    this.#uplinks.start();
    // What happened between the first look and the start of watching, and what our own changes led to.
    look();
  }

  /** Brings the next pass forward to that time; an earlier one that is waiting stays. */
  #lookSoon(milliseconds: number): void {
    if (this.#closed || (this.#timer !== null && this.#soonest <= milliseconds)) return;
    this.#timer?.close();
    this.#soonest = milliseconds;
    this.#timer = this.#system.setTimer(milliseconds, () => {
      this.#timer = null;
      void this.#queue();
    });
  }

  /** A pass that begins after this call. One that is waiting already serves all who ask; it never rejects. */
  #queue(): Promise<void> {
    if (this.#waiting !== null) return this.#waiting;
    this.#waiting = this.#pass.then(async () => {
      this.#waiting = null;
      if (this.#closed) return;
      try {
        await this.#reconcile();
      } catch (error) {
        this.#finish([error instanceof Error ? error.message : String(error)]);
      }
    });
    this.#pass = this.#waiting;
    return this.#pass;
  }

  #desire(): DesiredNetwork {
    this.#ports = this.#portsBy(this.#settings);
    return this.#desireOf(this.#settings, this.#ports);
  }

  #portsBy(settings: NetworkSettings): readonly Port[] {
    return uplinkPorts(settings, assignPorts(this.#system.listNics(), this.#portRules, settings.ports));
  }

  #desireOf(settings: NetworkSettings, ports: readonly Port[]): DesiredNetwork {
    const underlay = ports.filter(({ role }) => role === 'underlay').map(({ nic }) => nic.kernelName);
    return desiredNetwork({
      settings,
      ports,
      leases: new Map([...this.#services.leases(underlay), ...this.#modems.leases()]),
      leases6: settings.underlay.dhcpv6 === true ? this.#services.leases6(underlay) : new Map(),
      claimed: this.#claimed,
      firewallInForce: this.#firewall !== null,
      cpus: this.#system.cpus,
      uplinkOrder: rankUplinks(ports, settings.underlay, this.#uplinks.health),
      announced: this.#observation.announced,
    });
  }

  #watchedUplinks(): readonly WatchedUplink[] {
    const routes = this.#desired?.routes.filter(({ destination }) => destination === 'default') ?? [];
    const peers = this.#peers();
    return this.#ports
      .filter(({ role }) => role === 'underlay')
      .map(({ name, nic: { kernelName: link } }) => {
        const found = this.#observation.links.find((each) => each.name === link);
        const own = (found?.addresses ?? []).filter(({ scope }) => scope === 'global');
        const asked = peers.filter((peer) => own.some(({ address }) => address === peer.address));
        const carrier = found !== undefined && found.carrier !== 'down';
        return {
          ...{ name, link, carrier: carrier && this.#modems.facts(link)?.connected !== false },
          // IPv4's comes first, where there are both.
          gateway: routes.find((route) => route.link === link && route.gateway !== null)?.gateway ?? null,
          nameServers: this.#desired?.nameServersOf.get(link) ?? [],
          versions: own.map(({ family }) => family),
          peers: { asked: asked.length, answered: asked.filter(({ answers }) => answers).length },
        };
      });
  }

  async #applyFirewall({ firewall, mirror }: DesiredNetwork): Promise<Failures> {
    const copies = this.#mirrorLoaded(mirror);
    if (firewall === this.#firewall && copies === this.#mirror) return [];
    const failures = await applyFirewall(this.#system, firewall);
    if (failures.length > 0) return failures;
    [this.#firewall, this.#mirror] = [firewall, ''];
    if (mirror === null) return [];
    const refused = await applyFirewall(this.#system, mirror.ruleset);
    if (refused.length === 0) this.#mirror = copies;
    return refused.map((failure) => `nothing is mirrored: ${failure}`);
  }

  /** What would be loaded, and onto which devices: one that was pulled and plugged in again has lost its part. */
  #mirrorLoaded(mirror: Mirror | null): string {
    if (mirror === null) return '';
    const indices = [mirror.link, ...mirror.links].map((link) =>
      this.#system.readKernelValue(`/sys/class/net/${link}/ifindex`),
    );
    return [...indices, mirror.ruleset].join('\n');
  }

  async #reconcile(): Promise<void> {
    const first = this.#desire();
    // The ruleset does not depend on what is observed, and stands before any link comes up.
    const [refused, observed] = await Promise.all([
      this.#applyFirewall(first),
      observeNetwork(this.#system, first),
    ]);
    if (!observed.ok) return this.#finish([...refused, observed.reason]);
    this.#observation = observed.value;
    this.#uplinks.linksSeen();
    const desired = this.#desire();
    this.#desired = desired;
    const failures = [...refused, ...(await this.#applyPlan(desired, observed.value))];
    this.#uplinks.linksSeen();
    this.#clock.follow(this.#settings.ntp?.servers ?? []);
    await this.#modems.follow(this.#ports, this.#settings.underlay);
    await this.#services.follow(desired, this.#observation);
    const told = (desired.lanServices?.networks ?? []).filter(({ time }) => time);
    await this.#time.follow(told.map(({ link }) => link));
    this.#finish(failures);
  }

  async #applyPlan(desired: DesiredNetwork, observed: ObservedNetwork): Promise<Failures> {
    const plan = planNetwork(desired, observed);
    if (isEmptyPlan(plan)) return [];
    for (const line of describePlan({ ...plan, before: [], after: [] })) this.#system.log('info', line);
    for (const line of describePlan({ ...plan, batch: [] })) this.#system.log('debug', line);
    const failures = await applyPlan(this.#system, plan);
    // The page and the DHCP server go by what came of it, not by what was wished for.
    const result = await observeNetwork(this.#system, desired);
    if (!result.ok) return [...failures, result.reason];
    this.#observation = result.value;
    return failures;
  }

  #finish(failures: Failures): void {
    for (const failure of failures) if (!this.#failures.includes(failure)) this.#system.log('error', failure);
    this.#failures = failures;
    this.#state = failures.length === 0 ? 'applied' : 'failed';
    this.#speeds = this.#readSpeeds();
    if (failures.length === 0) {
      this.#retryMs = limits.firstRetryMs;
      this.#lookSoon(Math.min(limits.driftCheckMs, this.#services.lease6LeftMs));
    } else {
      this.#lookSoon(this.#retryMs);
      this.#retryMs = Math.min(this.#retryMs * 2, limits.longestRetryMs);
    }
    this.#announce();
  }

  /** Once a pass: every open page asks for the status, and a driver may take its time to answer. */
  #readSpeeds(): ReadonlyMap<string, LinkSpeed> {
    const names = this.#ports.map(({ nic }) => nic.kernelName);
    return new Map(
      names.flatMap((name): [string, LinkSpeed][] => {
        const linked = this.#observation.links.some((link) => link.name === name && link.carrier !== 'down');
        const speed = linked ? linkSpeed(this.#system, name) : null;
        return speed === null ? [] : [[name, speed]];
      }),
    );
  }

  #announce(): void {
    const uplinks = this.uplinkAddresses();
    const text = JSON.stringify(uplinks);
    const before = this.#announced;
    this.#announced = text;
    if (before !== null && before !== text && !this.#closed) this.#onChange(uplinks);
  }

  snapshot(): NetworkStatus {
    const mirror = mirrorStatus(this.#settings, this.#ports);
    return {
      state: this.#state,
      detail: this.#failures.length === 0 ? null : this.#failures.join('\n'),
      interfaces: interfaceStatus(
        this.#ports,
        this.#observation,
        {
          order: this.#uplinkOrder(),
          health: this.#uplinks.health,
          modem: (link) => this.#modems.facts(link),
          delegated: (link) => this.#services.leases6([link]).get(link)?.prefix ?? null,
        },
        this.#speeds,
      ),
      ...(mirror !== null && { mirror }),
    };
  }

  uplinkAddresses(): readonly UplinkAddress[] {
    return uplinkAddresses(this.#uplinkOrder(), this.#observation);
  }

  #uplinkOrder(): readonly string[] {
    return rankUplinks(this.#ports, this.#settings.underlay, this.#uplinks.health);
  }

  ports(): readonly Port[] {
    return this.#ports;
  }

  refresh(): Promise<void> {
    return this.#queue();
  }

  setClaimed(claimed: boolean): Promise<void> {
    this.#claimed = claimed;
    return this.#queue();
  }

  reconfigure(settings: NetworkSettings): Promise<void> {
    const ofUplinks = ({ underlay, ports }: NetworkSettings) => JSON.stringify([underlay, ports]);
    if (ofUplinks(settings) !== ofUplinks(this.#settings)) this.#uplinks.startOver();
    this.#settings = settings;
    this.#state = 'applying';
    return this.#queue();
  }

  async plan(settings: NetworkSettings): Promise<readonly string[]> {
    const ports = this.#portsBy(settings);
    const desired = this.#desireOf(settings, ports);
    const observed = await observeNetwork(this.#system, desired);
    if (!observed.ok) return [`The plan cannot be made: ${observed.reason}`];
    const current = this.#desireOf(this.#settings, this.#ports);
    return [...describePlan(planNetwork(desired, observed.value)), ...describeOther(current, desired)];
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.close();
    this.#clock.close();
    await this.#pass;
    this.#time.close();
    await Promise.all([
      ...this.#watches.map((watch) => watch.close()),
      ...[this.#services.close(), this.#modems.close()],
    ]);
  }
}

/**
 * Applies the network and keeps it so: events of the kernel and leases are followed within a second, silent drift
 * within a minute. Resolves when the LAN side stands; the underlay's addresses arrive later, by `onChange`.
 */
export async function startNetwork(system: NetworkSystem, input: NetworkInput): Promise<Network> {
  const reconciler = new Reconciler(system, input);
  await reconciler.start();
  return {
    snapshot: () => reconciler.snapshot(),
    refresh: () => reconciler.refresh(),
    uplinkAddresses: () => reconciler.uplinkAddresses(),
    ports: () => reconciler.ports(),
    setClaimed: (claimed) => reconciler.setClaimed(claimed),
    reconfigure: (settings) => reconciler.reconfigure(settings),
    plan: (settings) => reconciler.plan(settings),
    close: () => reconciler.close(),
  };
}
