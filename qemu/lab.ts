import { join } from 'node:path';
import type { SettingsLayer } from '../firmware/store/settings-schema.ts';
import type { Status } from '../firmware/webui/api/status-schema.ts';
import type { Progress } from '../image-builder/progress.ts';
import { type BootImage, cardMac, Gateway } from './gateway.ts';
import { HarnessError } from './harness-error.ts';
import { LabGuest } from './lab-guest.ts';
import { cable } from './network.ts';
import { type PingResult, parsePing } from './ping.ts';
import { Station } from './station.ts';

export type LabOptions = {
  readonly image: BootImage & { readonly labInitrdPath: string };
  readonly memoryMiB?: number;
  readonly progress: Progress;
};

export type Side = 'a' | 'b';
const sides = ['a', 'b'] as const;
const otherSide = { a: 'b', b: 'a' } as const;

/** Who is where. The provider's network is 10.99.0.0/24; each gateway protects a LAN with one host in it. */
export const plan = {
  provider: '10.99.0.1',
  a: { underlay: '10.99.0.10', lan: '192.168.10.0/24', gateway: '192.168.10.1', host: '192.168.10.10' },
  b: { underlay: '10.99.0.20', lan: '192.168.20.0/24', gateway: '192.168.20.1', host: '192.168.20.10' },
} as const;

const tunnelMs = 180_000;

/** A transfer's limit: what an emulated gateway carries in it is many times what is asked for. */
const transferMs = 120_000;
const transferPort = 5000;

/** The settings that a person would put on a gateway's stick: ports, its own LAN, the other gateway as peer, and that both sites may talk. */
function gatewaySettings(side: Side, peerHit: string): SettingsLayer {
  const peer = otherSide[side];
  return {
    version: 1,
    hostname: `gateway-${side}`,
    network: {
      ports: { port3: 'management' },
      lan: { address: `${plan[side].gateway}/24`, dhcpServer: true },
      management: { address: '192.168.1.1/24' },
    },
    overlay: {
      peers: [
        {
          name: `gateway-${peer}`,
          uri: `hip://${plan[peer].underlay}:10500/${peerHit}`,
          protectedPrefixes: [plan[peer].lan],
        },
      ],
    },
    policy: {
      labels: ['site=lab'],
      peerLabels: { [`gateway-${peer}`]: ['site=lab'] },
      devices: [{ name: 'host', addresses: [plan[side].host] }],
      rules: [
        {
          id: 'lab-sites',
          subject: { labels: ['site=lab'] },
          verb: 'allow',
          object: { labels: ['site=lab'] },
        },
      ],
    },
  };
}

/** udhcpd's configuration of the provider, which knows its two customers by their MACs. */
const dhcpConfiguration = [
  'interface provider',
  'start 10.99.0.100',
  'end 10.99.0.199',
  'option subnet 255.255.255.0',
  `option router ${plan.provider}`,
  ...sides.map((side, index) => `static_lease ${cardMac(index + 1, 1)} ${plan[side].underlay}`),
].join('\\n');

/** In R2-SENT a responder has its SAs and waits for a first packet from the peer, or for a time (RFC 7401 §4.4.2). */
const carries: ReadonlySet<string> = new Set(['R2-SENT', 'ESTABLISHED']);

/**
 * Two gateways and the world around them: a provider's network between their underlay ports, and a host on each LAN.
 * Provider and hosts live in one small guest, which bridges what the gateways' cables bring.
 */
export class Lab implements AsyncDisposable {
  readonly gateways: Readonly<Record<Side, Gateway>>;
  readonly guest: LabGuest;
  /** Everything that passed a gateway's underlay port, in pcap format. */
  readonly captures: Readonly<Record<Side, string>>;
  /** A further customer of the provider, played by this process. */
  readonly station: Station;
  readonly #parts: AsyncDisposableStack;
  #hosts: Readonly<Record<Side, string>> | null = null;

  private constructor(
    gateways: Record<Side, Gateway>,
    guest: LabGuest,
    captures: Record<Side, string>,
    station: Station,
    parts: AsyncDisposableStack,
  ) {
    this.gateways = gateways;
    this.guest = guest;
    this.captures = captures;
    this.station = station;
    this.#parts = parts;
  }

  /** Switches everything on; the gateways are still booting when this returns. */
  static async start({ image, memoryMiB = 512, progress }: LabOptions): Promise<Lab> {
    await using parts = new AsyncDisposableStack();
    const [underlayA, providerA] = await cable();
    const [underlayB, providerB] = await cable();
    const [lanA, hostA] = await cable();
    const [lanB, hostB] = await cable();
    const station = parts.use(await Station.open());
    progress('Starting the lab guest (provider and two hosts)');
    const guest = parts.use(
      await LabGuest.start({
        ...{ name: 'lab', kernelPath: image.kernelPath, initrdPath: image.labInitrdPath },
        networks: [providerA, providerB, hostA, hostB, station.network],
      }),
    );
    await prepareProvider(guest);
    progress('Switching both gateways on');
    const folder = guest.machine.scratchPath;
    const captures = { a: join(folder, 'underlay-a.pcap'), b: join(folder, 'underlay-b.pcap') };
    const a = parts.use(
      await Gateway.start({
        ...{ name: 'gateway-a', number: 1, image, memoryMiB, underlay: underlayA, lan: lanA },
        underlayCapture: captures.a,
      }),
    );
    const b = parts.use(
      await Gateway.start({
        ...{ name: 'gateway-b', number: 2, image, memoryMiB, underlay: underlayB, lan: lanB },
        underlayCapture: captures.b,
      }),
    );
    return new Lab({ a, b }, guest, captures, station, parts.move());
  }

  /** Gives each gateway the other's HIT and address on a settings stick, and waits until the tunnel stands. */
  async connect(hits: Readonly<Record<Side, string>>): Promise<Readonly<Record<Side, Status>>> {
    for (const side of sides) {
      await this.gateways[side].plugSettings(gatewaySettings(side, hits[otherSide[side]]));
    }
    this.#hosts = {
      a: await this.guest.makeHost('host-a', `${plan.a.host}/24`, plan.a.gateway),
      b: await this.guest.makeHost('host-b', `${plan.b.host}/24`, plan.b.gateway),
    };
    const stands = (side: Side) =>
      this.gateways[side].page.waitForStatus(
        `gateway-${side} has an established tunnel`,
        ({ tunnels }) =>
          tunnels.some(({ hit, state }) => hit === hits[otherSide[side]] && carries.has(state)),
        tunnelMs,
      );
    const [a, b] = await Promise.all([stands('a'), stands('b')]);
    return { a, b };
  }

  /** Runs a command on the host behind a gateway. */
  async onHost(side: Side, command: string, timeoutMs?: number): Promise<{ status: number; output: string }> {
    if (!this.#hosts) throw new HarnessError('usage', 'The hosts are there after connect().');
    return this.guest.attempt(`${this.#hosts[side]} ${command}`, timeoutMs);
  }

  /** Pings from the host behind one gateway to the host behind the other, one second apart. */
  async ping(from: Side, count: number): Promise<PingResult> {
    const target = plan[otherSide[from]].host;
    const { output } = await this.onHost(from, `ping -c ${count} -W 5 ${target}`, (count + 10) * 1000);
    return parsePing(output);
  }

  /**
   * Sends so many MiB by TCP from the host behind one gateway to the host behind the other.
   *
   * @returns the octets that came out, and how fast from the first sent to the last confirmed
   */
  async transfer(
    from: Side,
    mebibytes: number,
  ): Promise<{ readonly octets: number; readonly megabitsPerSecond: number }> {
    const to = otherSide[from];
    const sink = `nc -l -p ${transferPort} <>/tmp/never-ends | wc -c >/tmp/transferred.part; mv /tmp/transferred.part /tmp/transferred`;
    // nc ends with its standard input: the sink's is a pipe that nobody closes.
    await this.guest.run('rm -f /tmp/transferred /tmp/never-ends; mkfifo /tmp/never-ends');
    await this.onHost(to, `sh -c '${sink}' >/dev/null 2>&1 &`);
    const listening = `sh -c 'until netstat -ltn | grep -q :${transferPort}; do usleep 100000; done'`;
    await this.onHost(to, listening, transferMs);
    const source = `dd if=/dev/zero bs=64k count=${mebibytes * 16} 2>/dev/null`;
    const clock = (name: string) => `read ${name} rest </proc/uptime`;
    const send = `${clock('start')}; ${source} | nc ${plan[to].host} ${transferPort}; ${clock('end')}; echo $start $end`;
    const { output } = await this.onHost(from, `sh -c '${send}'`, transferMs);
    const took = /^([\d.]+) ([\d.]+)$/m.exec(output);
    const counted = await this.guest.run(
      'until [ -e /tmp/transferred ]; do usleep 100000; done; cat /tmp/transferred',
    );
    // An interactive shell also tells of jobs that have ended.
    const octets = Number(/^(\d+)$/m.exec(counted)?.[1]);
    const seconds = Number(took?.[2]) - Number(took?.[1]);
    if (Number.isNaN(octets + seconds))
      throw new HarnessError('refused', `The transfer said: ${output}\n${counted}`);
    return { octets, megabitsPerSecond: Number(((octets * 8) / 1e6 / seconds).toFixed(1)) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
  }
}

async function prepareProvider(guest: LabGuest): Promise<void> {
  for (const [index, name] of ['customer-a', 'customer-b', 'host-a', 'host-b', 'customer-c'].entries())
    await guest.nameCard(index, name);
  await guest.run('brctl addbr provider');
  for (const customer of ['customer-a', 'customer-b', 'customer-c'])
    await guest.run(`brctl addif provider ${customer} && ip link set ${customer} up`);
  await guest.run(`ip address add ${plan.provider}/24 dev provider && ip link set provider up`);
  await guest.run(
    `mkdir -p /var/lib/misc && touch /var/lib/misc/udhcpd.leases && printf '${dhcpConfiguration}\\n' >/udhcpd.conf`,
  );
  await guest.run('udhcpd -S /udhcpd.conf');
}
