import type { DesiredNetwork } from './desired.ts';
import { dhcpClientProgram, leaseFile } from './dhcp-client.ts';
import { lanServicesProgram, renderLanServices } from './lan-services.ts';
import { type Lease, type LeaseState, nextLease, parseLease } from './lease.ts';
import type { Observation } from './observed.ts';
import type { NetworkSystem, RunningProgram } from './system-port.ts';

type Client = { readonly program: RunningProgram; carrier: boolean };

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

  /** Brings programs and files in line. Returns once they are told, not once they have answered. */
  async follow(desired: DesiredNetwork, observation: Observation): Promise<void> {
    this.#followResolver(desired.nameServers);
    await this.#followServer(desired);
    await this.#followClients(desired.dhcpClients, observation);
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
    const running = [...this.#clients.values(), ...(this.#server === null ? [] : [this.#server])];
    this.#clients.clear();
    this.#server = null;
    await Promise.all(running.map(({ program }) => program.close()));
  }
}
