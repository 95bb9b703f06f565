import type { DesiredNetwork } from './desired.ts';
import { dhcpClientProgram, leaseFile } from './dhcp-client.ts';
import {
  dhcpv6ClientProgram,
  dhcpv6ConfigurationFile,
  type Lease6,
  lease6File,
  parseLease6,
  renderDhcpv6Client,
} from './dhcpv6-client.ts';
import { lanServicesProgram, renderLanServices } from './lan-services.ts';
import { type Lease, type LeaseState, nextLease, parseLease } from './lease.ts';
import type { Observation } from './observed.ts';
import type { NetworkSystem, RunningProgram } from './system-port.ts';

type Client = { readonly program: RunningProgram; carrier: boolean };

/** A lease by the text that told of it, and until when it holds, by the clock that never goes back. */
type Heard6 = { readonly heard: string; readonly lease: Lease6 | null; readonly until: number };

/**
 * The programs that belong to a desired state (DHCP clients and server) and the files that follow from it. They are
 * started, restarted and ended by comparing with what runs, like everything else.
 */
export class NetworkServices {
  readonly #system: NetworkSystem;
  readonly #folder: string;
  readonly #clients = new Map<string, Client>();
  readonly #leases = new Map<string, LeaseState>();
  readonly #heard = new Map<string, string>();
  readonly #clients6 = new Map<string, RunningProgram>();
  readonly #leases6 = new Map<string, Heard6>();
  #server: { readonly configuration: string; readonly program: RunningProgram } | null = null;
  #resolver: string | null = null;

  constructor(system: NetworkSystem) {
    this.#system = system;
    this.#folder = `${system.runFolder}/dhcp`;
  }

  /** Where leases are written; a change in it is a reason to call `leases` again. */
  get leaseFolder(): string {
    return this.#folder;
  }

  /**
   * The leases in force on these links. What a client of an earlier run wrote counts until the new one has heard from
   * a server, so that a restart of the runtime does not interrupt the network.
   */
  leases(links: readonly string[]): ReadonlyMap<string, Lease> {
    const inForce = new Map<string, Lease>();
    for (const link of links) {
      const lease = this.#leaseOf(link);
      if (lease !== null) inForce.set(link, lease);
    }
    return inForce;
  }

  #leaseOf(link: string): Lease | null {
    const state = this.#leases.get(link) ?? { lease: null, fresh: true };
    const text = this.#system.readText(leaseFile(this.#folder, link));
    if (text === null || text === this.#heard.get(link)) return state.lease;
    this.#heard.set(link, text);
    const parsed = parseLease(text);
    if (!parsed.ok) {
      this.#system.log('warning', `${link}: a lease was not understood: ${parsed.reason}`);
      return state.lease;
    }
    const next = nextLease(state, parsed.value);
    // A lease that lay there before the client was started: the client's own first word is still to come.
    this.#leases.set(link, this.#clients.has(link) ? next : { ...next, fresh: true });
    return next.lease;
  }

  /** What DHCPv6 servers gave to these links. What a client of an earlier run wrote counts from when it is read. */
  leases6(links: readonly string[]): ReadonlyMap<string, Lease6> {
    const inForce = new Map<string, Lease6>();
    for (const link of links) {
      const text = this.#system.readText(lease6File(this.#folder, link));
      const before = this.#leases6.get(link);
      const now = this.#system.monotonic();
      if (text !== null && text !== before?.heard) {
        const parsed = parseLease6(text);
        if (!parsed.ok)
          this.#system.log('warning', `${link}: a DHCPv6 lease was not understood: ${parsed.reason}`);
        const until = (lease: Lease6 | null) => now + 1000 * (lease?.seconds ?? 0);
        if (parsed.ok)
          this.#leases6.set(link, { heard: text, lease: parsed.value, until: until(parsed.value) });
        else this.#leases6.set(link, { lease: null, until: 0, ...before, heard: text });
      }
      const { lease, until } = this.#leases6.get(link) ?? { lease: null, until: 0 };
      if (lease !== null && now < until) inForce.set(link, lease);
    }
    return inForce;
  }

  /** Milliseconds until the first of them runs out; infinite where none does. */
  get lease6LeftMs(): number {
    const now = this.#system.monotonic();
    const ends = [...this.#leases6.values()].map(({ until }) => until - now).filter((left) => left > 0);
    return Math.min(...ends);
  }

  /** Brings programs and files in line. Returns once they are told, not once they have answered. */
  async follow(desired: DesiredNetwork, observation: Observation): Promise<void> {
    this.#followResolver(desired.nameServers);
    await this.#followServer(desired);
    await this.#followClients(desired.dhcpClients, observation);
    await this.#followClients6(desired.dhcpv6Clients);
  }

  async #followClients(wanted: readonly string[], observation: Observation): Promise<void> {
    for (const [link, { program }] of this.#clients) {
      if (wanted.includes(link)) continue;
      this.#clients.delete(link);
      await program.close();
      this.forget(link);
    }
    for (const link of wanted) {
      const carrier = observation.links.some(({ name, carrier }) => name === link && carrier !== 'down');
      const running = this.#clients.get(link);
      if (running === undefined) {
        const program = this.#system.supervise(
          dhcpClientProgram(link, this.#system.dhcpEventScript, this.#folder),
        );
        this.#clients.set(link, { program, carrier });
      } else {
        // A cable that was plugged in may lead to another network: ask at once instead of at the next renewal.
        if (carrier && !running.carrier) running.program.signal('SIGUSR1');
        running.carrier = carrier;
      }
    }
  }

  async #followClients6(wanted: readonly string[]): Promise<void> {
    for (const [link, program] of this.#clients6) {
      if (wanted.includes(link)) continue;
      this.#clients6.delete(link);
      await program.close();
      this.#leases6.delete(link);
      for (const path of [lease6File(this.#folder, link), dhcpv6ConfigurationFile(this.#folder, link)])
        this.#system.removeFile(path);
    }
    for (const link of wanted) {
      if (this.#clients6.has(link)) continue;
      const failure = this.#system.replaceText(
        dhcpv6ConfigurationFile(this.#folder, link),
        renderDhcpv6Client(link, this.#folder),
      );
      if (failure === null) {
        const program = dhcpv6ClientProgram(link, this.#system.dhcpv6EventScript, this.#folder);
        this.#clients6.set(link, this.#system.supervise(program));
      } else this.#system.log('error', `${link}: the DHCPv6 client could not be set up: ${failure}`);
    }
  }

  /** A lease belongs to the time in which its port was an underlay. */
  forget(link: string): void {
    this.#leases.delete(link);
    this.#heard.delete(link);
    this.#system.removeFile(leaseFile(this.#folder, link));
  }

  async #followServer({ lanServices }: DesiredNetwork): Promise<void> {
    const configuration = lanServices === null ? null : renderLanServices(lanServices, this.#folder);
    if (configuration === (this.#server?.configuration ?? null)) return;
    await this.#server?.program.close();
    this.#server = null;
    if (configuration === null) return;
    const file = `${this.#folder}/dnsmasq.conf`;
    const failure = this.#system.replaceText(file, configuration);
    if (failure !== null) {
      this.#system.log('error', `the configuration of the hosts' services could not be written: ${failure}`);
      return;
    }
    this.#server = { configuration, program: this.#system.supervise(lanServicesProgram(file)) };
  }

  #followResolver(nameServers: readonly string[]): void {
    const text = nameServers.map((server) => `nameserver ${server}\n`).join('');
    if (text === this.#resolver) return;
    const failure = this.#system.replaceText(`${this.#system.runFolder}/resolv.conf`, text);
    if (failure === null) this.#resolver = text;
    else this.#system.log('warning', `name servers could not be written: ${failure}`);
  }

  /** Ends the programs. Leases and addresses stay, for the runtime that is started next. */
  async close(): Promise<void> {
    const running = [
      ...[...this.#clients.values()].map(({ program }) => program),
      ...this.#clients6.values(),
      ...(this.#server === null ? [] : [this.#server.program]),
    ];
    this.#clients.clear();
    this.#clients6.clear();
    this.#server = null;
    await Promise.all(running.map((program) => program.close()));
  }
}
