import type { FlowFilter } from '../firmware/flows/flow-filter.ts';
import type { FlowRecord } from '../firmware/flows/flow-record.ts';
import type { OverlayConfig } from '../firmware/netd/overlay/overlay.ts';
import type { Explained, PolicyReport } from '../firmware/netd/policy/enforcement.ts';
import type { ExplainQuery } from '../firmware/policy/explain.ts';
import type { PolicySettings } from '../firmware/store/policy-schema.ts';
import type { AssociationsReport } from './guest/associations.ts';
import { type GatewayAnswer, type GatewayRequest, keyLogPath, links } from './guest/gateway.ts';
import type { GuestProcess } from './guest-process.ts';
import { HarnessError } from './harness-error.ts';
import { openPolicy } from './open-policy.ts';
import { isConnected, OverlaySite } from './overlay-site.ts';
import { waitUntil } from './wait-until.ts';

/** A gateway: the firmware's overlay and firewall in a network namespace of the guest, with a host behind it. */
export class OverlayGateway extends OverlaySite {
  #process: GuestProcess | null = null;

  /** Starts its overlay in a new process, as at power on; the identity is the same each time. */
  async start(config: OverlayConfig, policy: PolicySettings = openPolicy): Promise<GatewayAnswer> {
    this.#process = this.space.program('gateway', this.name);
    return this.#ask({ do: 'start', pem: this.pem, config, policy });
  }

  reconfigure(config: OverlayConfig): Promise<GatewayAnswer> {
    return this.#ask({ do: 'reconfigure', config });
  }

  /**
   * Puts another policy in force; what it was started with, everything unless told, is over. `apart`: bridges besides the
   * LAN, whose ports it keeps apart.
   */
  enforce(policy: PolicySettings, apart: readonly string[] = []): Promise<GatewayAnswer> {
    return this.#ask({ do: 'enforce', policy, apart });
  }

  /** The rules in force and what they decided. */
  async policy(): Promise<PolicyReport> {
    const { policy } = await this.#ask({ do: 'report-policy' });
    if (policy === null) throw new HarnessError('refused', `${this.name} said nothing of its policy.`);
    return policy;
  }

  async explain(query: ExplainQuery): Promise<Explained | null> {
    return (await this.#ask({ do: 'explain', query })).explained;
  }

  /** Begins or ends the recording of flows. */
  recordFlows(record: boolean): Promise<GatewayAnswer> {
    return this.#ask({ do: 'record-flows', record });
  }

  /** The newest flows that it recorded, or those that live, of those that are wanted. */
  async flows(
    filter: FlowFilter,
    { limit = 100, live = false }: { readonly limit?: number; readonly live?: boolean } = {},
  ): Promise<readonly FlowRecord[]> {
    return (await this.#ask({ do: 'flows', filter, limit, live })).flows;
  }

  look(): Promise<GatewayAnswer> {
    return this.#ask({ do: 'look' });
  }

  /** Ends the overlay in order: peers are told, the kernel forgets. */
  stop(): Promise<GatewayAnswer> {
    return this.#ask({ do: 'stop' });
  }

  /** What a power cut and the next boot's first moments leave: no process, nothing in the kernel, no word to anybody. */
  async crash(): Promise<void> {
    await this.#process?.kill();
    this.#process = null;
    await this.run('ip xfrm state flush; ip xfrm policy flush; ip link delete hip0 2>/dev/null; true');
  }

  /** What its overlay has logged since it was started. */
  get log(): string {
    return this.#process?.log ?? '';
  }

  /** Keys of its security associations as a table of Wireshark's, if its configuration has `keyLog`. */
  keyLog(): Promise<string> {
    return this.run(`cat ${keyLogPath(this.name)}`);
  }

  /** Lets its links put segments together as the ports of a box do, which a veth does not by itself. */
  async joinSegments(): Promise<void> {
    await this.#finished('offload', links.underlay, links.lan);
  }

  /** Gives its kernel the security associations of so many peers, without any overlay of its own. */
  async applyAssociations(count: number): Promise<AssociationsReport> {
    return JSON.parse(await this.#finished('associations', String(count))) as AssociationsReport;
  }

  /** Waits until the tunnel to a peer carries. */
  async connected(peer: OverlaySite, timeoutMs = 60_000): Promise<GatewayAnswer> {
    try {
      return await waitUntil(
        `${this.name} has a tunnel to ${peer.name}`,
        () => this.look(),
        ({ tunnels }) => isConnected(tunnels, peer),
        { timeoutMs },
      );
    } catch (cause) {
      throw new HarnessError('timeout', `${cause}\nlog of ${this.name}:\n${this.log}`, { cause });
    }
  }

  async #finished(program: 'associations' | 'offload', ...args: readonly string[]): Promise<string> {
    const { status, output, error } = await this.space.program(program, ...args).finish();
    if (status !== 0) throw new HarnessError('refused', `${program} of ${this.name}: ${error}`);
    return output;
  }

  #ask(request: GatewayRequest): Promise<GatewayAnswer> {
    if (this.#process === null) throw new HarnessError('usage', `${this.name} is not running.`);
    return this.#process.ask<GatewayAnswer>(request);
  }
}
