import { limits } from './limits.ts';
import { type NetworkSystem, programs } from './system-port.ts';
import {
  judge,
  judgeAlone,
  type UplinkHealth,
  type UplinkLook,
  unknownHealth,
  unplugged,
  usefulness,
} from './uplinks.ts';

/** An uplink as it is looked at. `name`: as people know it. */
export type WatchedUplink = {
  readonly name: string;
  readonly link: string;
  readonly carrier: boolean;
  /** Of either IP version; IPv6's is a link-local address. */
  readonly gateway: string | null;
  /** That came with its address; one of them is asked at a time. */
  readonly nameServers: readonly string[];
  /** IP versions that it has addresses of. */
  readonly versions: readonly (4 | 6)[];
  readonly peers: UplinkLook['peers'];
};

type LookingSystem = Pick<NetworkSystem, 'run' | 'nameServerAnswers' | 'setTimer' | 'log'>;

/**
 * Looks at the uplinks every few seconds, at one that is alone less often: whether the gateway answers ARP (or an echo, over IPv6),
 * whether a name server of its own answers, and addresses beyond, all by that link; and how the peers do whose tunnels
 * go out there.
 */
export class UplinkWatch {
  readonly #system: LookingSystem;
  readonly #uplinks: () => readonly WatchedUplink[];
  readonly #probes: () => readonly string[];
  readonly #onChange: () => void;
  readonly #health = new Map<string, UplinkHealth>();
  /** Which have had a link since they were plugged in. */
  readonly #linked = new Set<string>();
  #looks = 0;
  #timer: { readonly close: () => void } | null = null;
  #closed = false;

  constructor(
    system: LookingSystem,
    ports: {
      readonly uplinks: () => readonly WatchedUplink[];
      readonly probes: () => readonly string[];
      /** Of what use they are has changed. */
      readonly onChange: () => void;
    },
  ) {
    this.#system = system;
    this.#uplinks = ports.uplinks;
    this.#probes = ports.probes;
    this.#onChange = ports.onChange;
  }

  get health(): ReadonlyMap<string, UplinkHealth> {
    return this.#health;
  }

  start(): void {
    if (this.#closed) return;
    this.#timer = this.#system.setTimer(limits.uplinkLookMs, () => {
      void this.#look().finally(() => this.start());
    });
  }

  /** What is known of links without asking anybody: to be called with every look at the kernel. */
  linksSeen(): void {
    const uplinks = this.#uplinks();
    for (const link of this.#health.keys()) {
      if (uplinks.some((uplink) => uplink.link === link)) continue;
      this.#health.delete(link);
      this.#linked.delete(link);
    }
    for (const { name, link, carrier } of uplinks) {
      // The first link has nothing to make good: it counts from the start.
      if (carrier && !this.#linked.has(link)) this.#health.set(link, unknownHealth);
      if (carrier) this.#linked.add(link);
      else this.#settle(name, link, unplugged);
    }
  }

  /** What was found under other settings says nothing of these. */
  startOver(): void {
    for (const link of this.#linked) this.#health.set(link, unknownHealth);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.close();
  }

  async #look(): Promise<void> {
    const uplinks = this.#uplinks();
    const alone = uplinks.length < 2;
    // It has none to be compared with, so it is asked for people's sake.
    if (this.#looks++ % limits.loneUplinkLooks !== 0 && alone) return;
    const looks = await Promise.all(uplinks.map((uplink) => this.#lookAt(uplink)));
    if (this.#closed) return;
    const plugged = new Map(this.#uplinks().map(({ link, carrier }) => [link, carrier]));
    const changed = uplinks.filter(({ name, link, carrier }, index) => {
      const look = looks[index];
      // What was found before a cable was put in or pulled out meanwhile says nothing any more.
      return look !== undefined && plugged.get(link) === carrier && this.#settle(name, link, look, alone);
    });
    if (changed.length > 0) this.#onChange();
  }

  async #lookAt(uplink: WatchedUplink): Promise<UplinkLook> {
    const { link, carrier, gateway, nameServers, versions, peers } = uplink;
    if (!carrier) return unplugged;
    const server = nameServers[this.#looks % nameServers.length];
    const [near, names, destinations] = await Promise.all([
      gateway === null ? null : this.#gatewayAnswers(link, gateway),
      server === undefined ? null : this.#system.nameServerAnswers(link, server, limits.uplinkProbeMs),
      Promise.all(
        this.#probes()
          .filter((address) => versions.includes(versionOf(address)))
          .map((address) => this.#echoes(link, address)),
      ),
    ]);
    return { carrier, gateway: near, names, destinations, peers };
  }

  #gatewayAnswers(link: string, gateway: string): Promise<boolean> {
    if (versionOf(gateway) === 6) return this.#echoes(link, `${gateway}%${link}`);
    return this.#succeeds('arping', '-q', '-c', '1', '-w', '1', '-I', link, gateway);
  }

  #echoes(link: string, address: string): Promise<boolean> {
    return this.#succeeds('ping', '-q', '-c', '1', '-W', '1', '-I', link, address);
  }

  async #succeeds(...args: readonly string[]): Promise<boolean> {
    const { status } = await this.#system.run(programs.busybox, args, { timeoutMs: limits.uplinkProbeMs });
    return status === 0;
  }

  /** Returns whether it is of more or less use than before. */
  #settle(name: string, link: string, look: UplinkLook, alone = false): boolean {
    const before = this.#health.get(link) ?? unknownHealth;
    const after = (alone ? judgeAlone : judge)(before, look);
    this.#health.set(link, after);
    if (before.works === after.works) return usefulness(before) !== usefulness(after);
    // What has never had a cable is no news.
    if (!this.#linked.has(link)) return true;
    const why = look.carrier ? `score ${after.score}` : 'no link';
    this.#system.log(
      after.works ? 'info' : 'warning',
      `uplink ${name} ${after.works ? 'works again' : 'does not work'} (${why})`,
    );
    return true;
  }
}

function versionOf(address: string): 4 | 6 {
  return address.includes(':') ? 6 : 4;
}
