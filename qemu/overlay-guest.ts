import { join } from 'node:path';
import { neighbourMemory } from '../firmware/netd/desired.ts';
import type { Progress } from '../image-builder/progress.ts';
import { cardMac } from './gateway.ts';
import { agentPort } from './guest/agent.ts';
import { links } from './guest/gateway.ts';
import { HarnessError } from './harness-error.ts';
import { Machine } from './machine.ts';
import { userNetwork } from './network.ts';
import { NetworkNamespace } from './network-namespace.ts';
import { OverlayBox } from './overlay-box.ts';
import { OverlayGateway } from './overlay-gateway.ts';
import type { GatewayPlace, OverlaySite } from './overlay-site.ts';
import { overlaySystem } from './overlay-system.ts';
import { ScratchFolder } from './scratch.ts';
import { Station } from './station.ts';

export type OverlayGuestOptions = {
  /** Names the log folder, build/machines/NAME. */
  readonly name: string;
  readonly progress: Progress;
  readonly memoryMiB?: number;
  /** For figures of what something costs: see `Hardware`. It has one processor then. */
  readonly countsInstructions?: boolean;
};

export type GatewayPlan = {
  /**
   * Puts a NAT before the gateway that gives each flow another port. `forward` leads UDP 10500 of the NAT's address to
   * the gateway, as a person sets up one router of two.
   */
  readonly nat?: { readonly forward: boolean };
  /** Of the link to the provider, 1500 unless told. */
  readonly mtu?: number;
};

/** Octet that tells the networks of the stranger from those of gateways. */
const strangerSite = 99;

const bootMs = 120_000;
/** How often a kernel is started that emulation stopped. */
const kernelStarts = 3;

/**
 * A small world of gateways in one guest, for what needs the image's kernel but no boot of its own: every gateway is a
 * network namespace in which the firmware's own overlay runs over real sockets, XFRM, routes and nftables. Between them
 * is a provider's router, before some a NAT, behind each a host. It is up within seconds:
 *
 * ```ts
 * await using guest = await OverlayGuest.start({ name: 'overlay', progress: stderrProgress('guest') });
 * const a = await guest.gateway('a');
 * const b = await guest.gateway('b', { nat: { forward: true } });
 * await Promise.all([a.start({ peers: [b.asPeer()] }), b.start({ peers: [a.asPeer()] })]);
 * await a.connected(b);
 * await a.host.ping(b.host.addresses.ipv4);
 * console.log(await a.run('ip -s xfrm state'), a.log, (await a.look()).tunnels);
 * ```
 *
 * `guest.provider.run('tc qdisc add dev to-a root netem loss 1%')` spoils the network, `guest.setMtu('a', 1280)`
 * narrows it, `guest.nat('b').run('conntrack -F')` makes a NAT forget. `guest.capturePath` is a pcap file on this
 * machine of all that gateways sent to the provider; `guest.station` sends any frame as a stranger. The guest bundles
 * the sources as they are, without an image being built.
 */
export class OverlayGuest implements AsyncDisposable {
  readonly machine: Machine;
  /** The router between the gateways; its links are `to-NAME`. */
  readonly provider: NetworkNamespace;
  /** On a link of its own to the provider, at {@link strangerAddresses}. */
  readonly station: Station;
  /** Every frame that a gateway (or its NAT) sent to the provider, once, in pcap format. */
  readonly capturePath: string;
  readonly #agentPort: number;
  readonly #parts: AsyncDisposableStack;
  readonly #gateways = new Map<string, OverlaySite>();
  #captures = true;

  private constructor(
    machine: Machine,
    agentPort: number,
    station: Station,
    capturePath: string,
    parts: AsyncDisposableStack,
  ) {
    this.machine = machine;
    this.#agentPort = agentPort;
    this.station = station;
    this.capturePath = capturePath;
    this.provider = new NetworkNamespace(agentPort, 'provider');
    this.#parts = parts;
  }

  static async start({ name, progress, ...options }: OverlayGuestOptions): Promise<OverlayGuest> {
    await using parts = new AsyncDisposableStack();
    const scratch = parts.use(new ScratchFolder());
    const system = await overlaySystem(scratch.path, progress);
    const station = parts.use(await Station.open());
    const management = await userNetwork({
      prefix: '10.97.0.0/24',
      host: '10.97.0.1',
      forward: { address: '10.97.0.2', port: agentPort },
    });
    // QEMU's own network takes every frame; nobody there answers one.
    const wire = await userNetwork({ prefix: '10.96.0.0/24', host: '10.96.0.1' });
    const capturePath = join(scratch.path, 'provider.pcap');
    const card = (index: number) => ({ model: 'virtio-net-pci', mac: cardMac(0, index + 1) }) as const;
    const machine = parts.use(
      await Machine.start({
        ...{ name, memoryMiB: 768, cpus: options.countsInstructions ? 1 : 2, ...options },
        ...{ probeKernel: system.kernelPath, image: system.rootPath },
        boot: {
          kernel: system.kernelPath,
          initrd: system.initrdPath,
          commandLine: 'console=ttyS0 quiet panic=-1',
        },
        networkCards: [
          { ...card(0), network: management },
          { ...card(1), network: wire, capture: capturePath },
          { ...card(2), network: station.network },
        ],
      }),
    );
    await booted(machine);
    const guest = new OverlayGuest(machine, management.forwardedPort, station, capturePath, parts.move());
    await guest.#prepareProvider();
    return guest;
  }

  /** Adds a gateway with a host behind it. It does nothing before its `start`. */
  async gateway(name: string, plan: GatewayPlan = {}): Promise<OverlayGateway> {
    return this.#add(name, plan, OverlayGateway);
  }

  /** The same with all of the firmware that has to do with networks: it makes its links' addresses and routes itself. */
  async box(name: string): Promise<OverlayBox> {
    const box = await this.#add(name, {}, OverlayBox);
    // A way out that the box does not know of would go before all of its own.
    await box.run('ip route delete default; ip -6 route delete default');
    return box;
  }

  async #add<Site extends OverlaySite>(
    name: string,
    plan: GatewayPlan,
    Kind: new (...given: ConstructorParameters<typeof OverlaySite>) => Site,
  ): Promise<Site> {
    const site = this.#gateways.size + 1;
    const place = placeOf(site, plan);
    await this.#own.run(script(name, site, place, plan));
    if (this.#captures) await this.provider.run(`nft add rule netdev wire ${name} dup to wire`);
    const added = new Kind(name, place, this.#space(name), this.#space(`${name}-host`));
    this.#gateways.set(name, added);
    return added;
  }

  /** The router before a gateway that was added with `nat`; its link to the provider is `outside`. */
  nat(gateway: string): NetworkNamespace {
    return this.#space(`${gateway}-nat`);
  }

  /**
   * Narrows the way from the provider to a gateway (or its NAT), as a link further on does: the router says so to whom
   * sends more. The link itself stays as it is; a veth drops what its other end would not send, without a word.
   */
  async setMtu(gateway: string, mtu: number): Promise<void> {
    const place = this.#gateways.get(gateway)?.place;
    if (place === undefined) throw new HarnessError('usage', `There is no gateway ${gateway}.`);
    const site = place.seenAs.split('.')[2];
    const how = `dev to-${gateway} proto kernel mtu lock ${mtu}`;
    await this.provider.run(
      `ip route replace 10.99.${site}.0/24 src 10.99.${site}.1 scope link ${how} && ip -6 route replace fd99:${site}::/64 metric 256 ${how}`,
    );
  }

  /** No more frames for `capturePath`: writing each costs more than carrying it. */
  async stopCapture(): Promise<void> {
    await this.provider.run('nft flush table netdev wire');
    this.#captures = false;
  }

  get #own(): NetworkNamespace {
    return this.#space(null);
  }

  #space(name: string | null): NetworkNamespace {
    return new NetworkNamespace(this.#agentPort, name);
  }

  async #prepareProvider(): Promise<void> {
    await this.#own.run(`set -e
      ${neighbourMemory.map(({ path, value }) => `echo ${value} >${path}`).join('\n')}
      ip netns add provider
      ip link set eth1 netns provider name wire
      ip link set eth2 netns provider name stranger
      ip -n provider link set lo up
      ip -n provider link set wire up
      ip -n provider link set stranger up
      ip -n provider address add 10.99.${strangerSite}.1/24 dev stranger
      ip -n provider address add fd99:${strangerSite}::1/64 dev stranger nodad`);
    // A router says where a packet is too large as often as it is; tests must not wait for the kernel's rate limits.
    await this.provider.run(`set -e
      sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
      sysctl -q -w net.ipv4.icmp_msgs_per_sec=100000 || true
      nft add table netdev wire`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
  }
}

/** Where {@link OverlayGuest.station} is on the provider's network, and its router. */
export const strangerAddresses = {
  ipv4: `10.99.${strangerSite}.2`,
  ipv6: `fd99:${strangerSite}::2`,
  routerIpv4: `10.99.${strangerSite}.1`,
  routerIpv6: `fd99:${strangerSite}::1`,
} as const;

function placeOf(site: number, { nat }: GatewayPlan): GatewayPlace {
  const world = `10.99.${site}.2`;
  return {
    underlay: nat ? { ipv4: `10.0.${site}.2`, ipv6: null } : { ipv4: world, ipv6: `fd99:${site}::2` },
    seenAs: world,
    lan: { ipv4: `192.168.${site}.0/24`, ipv6: `fd20:${site}::/64` },
    host: { ipv4: `192.168.${site}.10`, ipv6: `fd20:${site}::10` },
  };
}

/** Lays a gateway's cables and gives all ends their addresses. */
function script(name: string, site: number, { underlay, seenAs }: GatewayPlace, plan: GatewayPlan): string {
  const mtu = plan.mtu ?? 1500;
  const host = `${name}-host`;
  const nat = `${name}-nat`;
  const link = `to-${name}`;
  const cable = (left: string, leftLink: string, right: string, rightLink: string) =>
    `ip link add ${leftLink} netns ${left} mtu ${mtu} type veth peer name ${rightLink} netns ${right} mtu ${mtu}
     ip -n ${left} link set ${leftLink} up
     ip -n ${right} link set ${rightLink} up`;
  const world = `10.99.${site}`;
  const direct = `
    ${cable(name, links.underlay, 'provider', link)}
    ip -n ${name} address add ${underlay.ipv4}/24 dev ${links.underlay}
    ip -n ${name} address add ${underlay.ipv6}/64 dev ${links.underlay} nodad
    ip -n ${name} route add default via ${world}.1
    ip -n ${name} route add default via fd99:${site}::1`;
  const behindNat = `
    ip netns add ${nat}
    ip -n ${nat} link set lo up
    ${cable(name, links.underlay, nat, 'inside')}
    ${cable(nat, 'outside', 'provider', link)}
    ip -n ${nat} address add 10.0.${site}.1/24 dev inside
    ip -n ${nat} address add ${seenAs}/24 dev outside
    ip -n ${nat} route add default via ${world}.1
    ip -n ${name} address add ${underlay.ipv4}/24 dev ${links.underlay}
    ip -n ${name} route add default via 10.0.${site}.1
    ip netns exec ${nat} sysctl -q -w net.ipv4.ip_forward=1
    ip netns exec ${nat} nft -f - <<END
      table ip nat {
        chain before { type nat hook prerouting priority dstnat; ${
          plan.nat?.forward ? `iifname outside udp dport 10500 dnat to ${underlay.ipv4};` : ''
        } }
        chain after { type nat hook postrouting priority srcnat; oifname outside masquerade random; }
      }
END`;
  return `set -e
    ip netns add ${name}
    ip netns add ${host}
    for space in ${name} ${host}; do ip -n $space link set lo up; done
    ${plan.nat ? behindNat : direct}
    ip -n provider address add ${world}.1/24 dev ${link}
    ip -n provider address add fd99:${site}::1/64 dev ${link} nodad
    ip netns exec provider nft 'add chain netdev wire ${name} { type filter hook ingress device "${link}" priority 0; }'
    ${cable(name, links.lan, host, 'eth0')}
    ip netns exec ${name} sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
    ip -n ${name} address add 192.168.${site}.1/24 dev ${links.lan}
    ip -n ${name} address add fd20:${site}::1/64 dev ${links.lan} nodad
    ip -n ${host} address add 192.168.${site}.10/24 dev eth0
    ip -n ${host} address add fd20:${site}::10/64 dev eth0 nodad
    ip -n ${host} route add default via 192.168.${site}.1
    ip -n ${host} route add default via fd20:${site}::1`;
}

/**
 * Waits for the agent. Of two emulated processors one may run into the breakpoint that the other has already taken away
 * again (QEMU 7.2, Linux' text_poke): a kernel that stops there, and only there, is started again.
 */
async function booted(machine: Machine): Promise<void> {
  for (let left = kernelStarts; left > 0; left--) {
    const [, stopped] = await machine.console.expect(/lab: agent ready|(Oops: int3)/, bootMs);
    if (stopped === undefined) return;
    await machine.kill();
    if (left > 1) await machine.powerOn();
  }
  throw new HarnessError(
    'ended',
    `The kernel of ${machine.name} stopped ${kernelStarts} times while it started.`,
  );
}
