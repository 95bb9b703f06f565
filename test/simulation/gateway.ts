import type { HipCrypto } from '../../firmware/hip/crypto-port.ts';
import type { HostIdentity } from '../../firmware/hip/host-identity.ts';
import { computeHit, formatHit } from '../../firmware/hip/host-identity-tag.ts';
import { formatLocator, type Locator } from '../../firmware/hip/locator.ts';
import { packetTypes } from '../../firmware/hip/packet.ts';
import type { KernelEvent } from '../../firmware/netd/overlay/kernel-events.ts';
import { type Overlay, startOverlay } from '../../firmware/netd/overlay/overlay.ts';
import type { OverlayPorts } from '../../firmware/netd/overlay/ports.ts';
import { type CommandResult, programs } from '../../firmware/netd/system-port.ts';
import type { PeerSettings, RekeySettings } from '../../firmware/store/settings-schema.ts';
import type { Content, Datagram } from './datagram.ts';
import type { Role } from './impostor.ts';
import { type SecurityAssociation, SimulatedKernel } from './kernel.ts';
import type { Nat } from './nat.ts';
import { SeededRandom } from './random.ts';
import type { GatewayPlan } from './scenario.ts';
import { standInCrypto, standInIdentity, standInSignature } from './stand-in-crypto.ts';
import type { Attachment, Underlay } from './underlay.ts';
import type { Appointment, VirtualTime } from './virtual-time.ts';
import type { Witness } from './witness.ts';

/** What all machines of a simulation share. */
export type Surroundings = {
  readonly seed: number;
  readonly rekey: RekeySettings;
  readonly time: VirtualTime;
  readonly underlay: Underlay;
  readonly witness: Witness;
  /** The addresses that a name has now. */
  readonly lookUp: (name: string) => readonly string[];
  /** Something of an engine runs now: let its promises settle before time goes on. */
  readonly touched: (gateway: Gateway) => void;
  /** For the trace; the line is made only where somebody reads it. */
  readonly note: (line: () => string) => void;
};

const hipPort = 10_500;
/** A netlink message takes this long. */
const kernelEventMs = 1;
/** A look-up takes this long, which is not what is tested here. */
const lookUpMs = 20;
/** 2026, so that generation counters look as they will. */
const epoch = 1_780_000_000_000;

/**
 * A box with the overlay's real engine on a simulated kernel, clock and network. What it shows is for the simulation
 * alone: `cut`, `boot`, `suspend` and `resume` do to it what the world does to machines.
 */
export class Gateway implements Attachment {
  readonly name: string;
  readonly hit: string;
  readonly plan: GatewayPlan;
  readonly kernel: SimulatedKernel;
  readonly identity: HostIdentity;
  peers: readonly PeerSettings[] = [];
  readonly #surroundings: Surroundings;
  readonly #sign: (message: Uint8Array) => Uint8Array;
  readonly #crypto: (random: SeededRandom) => HipCrypto;
  readonly #isHonest: boolean;
  readonly #signsR1s: boolean;
  readonly #nat: Nat | undefined;
  #addresses: readonly string[];
  #incarnation = 0;
  #overlay: Overlay | undefined;
  #listener: ((packet: Uint8Array, from: Locator) => void) | undefined;
  #kernelListener: ((event: KernelEvent) => void) | undefined;
  #timers = 0;
  #signatures = 0;
  /** What an unpaired one had is on its way out for a while. */
  #mostPeers = 1;
  #isUp = false;
  #isAwake = true;
  /** What would have happened while it slept. */
  #deferred: (() => void)[] = [];
  #data: ((id: number) => void) | undefined;

  constructor(plan: GatewayPlan, surroundings: Surroundings, nat?: Nat, role?: Role) {
    this.name = plan.name;
    this.plan = plan;
    this.#surroundings = surroundings;
    this.#nat = nat;
    this.#addresses = plan.addresses;
    this.#isHonest = role === undefined;
    this.#signsR1s = role?.signsR1s ?? true;
    const random = new SeededRandom(surroundings.seed, `identity of ${plan.name}`);
    this.identity = role?.identity ?? standInIdentity(random);
    this.#sign = role?.sign ?? ((message) => standInSignature(this.identity, message));
    this.#crypto = (source) => role?.crypto(standInCrypto(source)) ?? standInCrypto(source);
    const hit = computeHit(this.identity, this.#crypto(random));
    if (hit === undefined) throw new RangeError('no HIT suite for the stand-in identity');
    this.hit = formatHit(hit);
    this.kernel = this.#makeKernel();
    surroundings.underlay.setLink(plan.name, plan.link);
    if (nat === undefined && this.#isHonest) surroundings.underlay.setAddresses(this, plan.addresses);
  }

  get addresses(): readonly string[] {
    return this.#addresses;
  }

  get isRunning(): boolean {
    return this.#isUp && this.#isAwake;
  }

  tunnels() {
    return this.#overlay?.tunnels() ?? [];
  }

  onData(listener: (id: number) => void): void {
    this.#data = listener;
  }

  /** Starts the runtime. */
  boot(): void {
    if (this.#isUp) return;
    this.#isUp = true;
    this.#incarnation++;
    this.#timers = 0;
    this.#signatures = 0;
    if (this.#isHonest) this.#surroundings.witness.started(this.name);
    const incarnation = this.#incarnation;
    const { peers } = this;
    void startOverlay(this.#ports(incarnation), { peers, rekey: this.#surroundings.rekey }).then(
      (overlay) => {
        if (incarnation !== this.#incarnation) return;
        this.#overlay = overlay;
        if (peers !== this.peers) this.setPeers(this.peers);
      },
      (error: unknown) =>
        this.#surroundings.witness.report('the overlay starts', `${this.name}: ${String(error)}`),
    );
    this.#surroundings.touched(this);
  }

  /** Ends the runtime without a word; with `power`, the kernel goes too. */
  cut({ power }: { power: boolean }): void {
    this.#isUp = false;
    this.#isAwake = true;
    this.#incarnation++;
    this.#overlay = undefined;
    this.#listener = undefined;
    this.#kernelListener = undefined;
    this.#deferred = [];
    if (power) this.kernel.clear();
  }

  suspend(): void {
    this.#isAwake = false;
  }

  resume(): void {
    if (this.#isAwake) return;
    this.#isAwake = true;
    for (const run of this.#deferred.splice(0)) run();
    this.#surroundings.touched(this);
  }

  setAddresses(addresses: readonly string[]): void {
    this.#addresses = addresses;
    if (this.#nat === undefined) this.#surroundings.underlay.setAddresses(this, addresses);
  }

  setPeers(peers: readonly PeerSettings[]): void {
    this.peers = peers;
    const { witness, rekey } = this.#surroundings;
    void this.#overlay
      ?.reconfigure({ peers, rekey })
      .catch((error: unknown) => witness.report('settings can be changed', `${this.name}: ${String(error)}`));
    this.#surroundings.touched(this);
  }

  receive(datagram: Datagram): void {
    const { content, to, from } = datagram;
    if (!this.#isAwake || !this.#addresses.includes(to.address)) return;
    if (to.port !== null && to.port !== hipPort) return;
    if (content.kind === 'esp') {
      this.kernel.receive(datagram, content.esp);
      return;
    }
    if (this.#listener === undefined) return;
    if (this.#isHonest) this.#surroundings.witness.hipReceived(this.name, datagram);
    const before = content.octets[2] === packetTypes.I1 ? this.#standings() : undefined;
    this.#guard(() => this.#listener?.(content.octets.slice(), from));
    if (before !== undefined && before !== this.#standings())
      this.#surroundings.witness.report(
        'no state before I2',
        `${this.name}: ${before}, ${this.#standings()}`,
      );
  }

  /** What it holds of its peers, in words. */
  #standings(): string {
    return this.tunnels()
      .map(({ peer, state, locator }) => `${peer} ${state} at ${locator}`)
      .join(', ');
  }

  /** A packet of the hosts behind it for a peer's. False where the kernel has nothing that carries it. */
  sendData(id: number, to: string): boolean {
    if (!this.#isAwake) return false;
    const sent = this.kernel.send({ id, from: this.hit, to });
    if (sent === undefined) return false;
    this.#transmit(sent.from, sent.to, { kind: 'esp', esp: sent.esp });
    return true;
  }

  /** Called when its promises have settled. */
  look(): void {
    if (!this.#isHonest) return;
    this.#mostPeers = Math.max(this.#mostPeers, this.peers.length);
    this.#surroundings.witness.looked(
      this.name,
      this.#mostPeers,
      this.kernel.associations,
      this.#timers,
      this.#signatures,
    );
  }

  #transmit(from: Locator, to: Locator, content: Content): void {
    const datagram: Datagram = { from, to, content, origin: this.name, sentTo: to };
    if (this.#nat !== undefined) this.#nat.send(this, datagram);
    else if (this.#addresses.includes(from.address)) this.#surroundings.underlay.send(this, datagram);
  }

  #sourceOf(to: Locator): string | null {
    return this.#addresses.find((address) => address.includes(':') === to.address.includes(':')) ?? null;
  }

  /** Runs something for the engine later, unless the engine is gone by then; a machine that sleeps does it on waking. */
  #later(incarnation: number, milliseconds: number, run: () => void): Appointment {
    const due = () => {
      if (incarnation !== this.#incarnation) return;
      if (!this.#isAwake) {
        this.#deferred.push(due);
        return;
      }
      this.#guard(run);
    };
    return this.#surroundings.time.after(milliseconds, due);
  }

  /** Nothing that the world does may make the engine throw. */
  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#surroundings.witness.report('nothing throws', `${this.name}: ${stack}`);
    }
    this.#surroundings.touched(this);
  }

  #ports(incarnation: number): OverlayPorts {
    const { seed, time, note, witness, lookUp } = this.#surroundings;
    const random = new SeededRandom(seed, `${this.name} ${incarnation}`);
    const isMine = () => incarnation === this.#incarnation;
    const wait = <Value>(milliseconds: number, value: () => Value) =>
      new Promise<Value>((resolve) => this.#later(incarnation, milliseconds, () => resolve(value())));
    return {
      socket: {
        send: (packet, to) => {
          const address = this.#sourceOf(to);
          if (!isMine() || address === null) return;
          if (this.#isHonest) witness.hipSent(this.name, packet, to);
          else if (this.#signsR1s) witness.r1Signed(packet);
          const from = { address, port: to.port === null ? null : hipPort };
          note(() => `${this.name} sends ${packetName(packet)} to ${formatLocator(to)}`);
          this.#transmit(from, to, { kind: 'hip', octets: packet.slice() });
        },
        onPacket: (listener) => {
          if (isMine()) this.#listener = listener;
        },
        onSendFailure: () => {},
        useRaw: async () => {},
        dropped: () => ({ notHip: 0, badChecksum: 0 }),
        close: async () => {
          if (isMine()) this.#listener = undefined;
        },
      },
      crypto: this.#crypto(random),
      signer: {
        identity: this.identity,
        sign: async (message) => {
          this.#signatures++;
          const octets = message.slice();
          return wait(random.next() * this.plan.longestSignatureMs, () => {
            this.#signatures--;
            return this.#sign(octets);
          });
        },
      },
      run: (command, args, options) =>
        wait(random.next() * this.plan.longestCommandMs, () =>
          this.#command(command, args, options?.input ?? ''),
        ),
      monotonic: () => time.now,
      wallClock: () => epoch + time.now,
      setTimer: (milliseconds, callback) => {
        let isOpen = true;
        this.#timers++;
        const end = () => {
          if (isOpen && isMine()) this.#timers--;
          isOpen = false;
        };
        const timer = this.#later(incarnation, milliseconds, () => {
          if (!isOpen) return;
          end();
          callback();
        });
        return {
          close: () => {
            timer.close();
            end();
          },
        };
      },
      resolve: (host) => wait(lookUpMs, () => lookUp(host)),
      sourceAddress: async (to) => this.#sourceOf(to),
      watchKernel: async (listener) => {
        if (isMine()) this.#kernelListener = listener;
        return {
          close: () => {
            if (isMine()) this.#kernelListener = undefined;
          },
        };
      },
      linkMtu: () => 1500,
      localAddresses: () => this.#addresses.map((address) => `eth0/${address}`),
      log: (level, message) => note(() => `${this.name} ${level}: ${message}`),
    };
  }

  /** XFRM's part of `ip` is simulated; nft's rules are not. */
  #command(command: string, args: readonly string[], input: string): CommandResult {
    if (command !== programs.ip) return { status: 0, stdout: '', stderr: '' };
    if (args.includes('-batch')) return this.kernel.batch(input);
    const [destination, spi] = [args[args.indexOf('dst') + 1], Number(args[args.indexOf('spi') + 1])];
    return args.includes('spi') && destination !== undefined
      ? this.kernel.list({ destination, spi })
      : this.kernel.list();
  }

  /** The kernel's word reaches the runtime a little later, in order. */
  #tell(event: KernelEvent): void {
    const incarnation = this.#incarnation;
    this.#surroundings.note(() => `${this.name} kernel: ${JSON.stringify(event)}`);
    if (this.#kernelListener !== undefined)
      this.#later(incarnation, kernelEventMs, () => this.#kernelListener?.(event));
  }

  #makeKernel(): SimulatedKernel {
    const { witness, note } = this.#surroundings;
    return new SimulatedKernel(this.hit, this.#surroundings.time, {
      changed: (association, direction) => {
        note(() => `${this.name} kernel: ${describeAssociation(association, direction)}`);
        if (this.#isHonest) witness.associationChanged(this.name, association, direction);
      },
      sending: (_, esp) => {
        if (this.#isHonest) witness.espSent(this.name, esp);
      },
      delivered: (data, truth) => {
        witness.delivered(this.name, data, truth);
        this.#data?.(data.id);
      },
      refused: (reason) => {
        witness.counts.refused++;
        note(() => `${this.name} kernel: refused ESP: ${reason}`);
      },
      event: (event) => this.#tell(event),
    });
  }
}

function describeAssociation({ spi, from, to, key }: SecurityAssociation, direction: 'in' | 'out'): string {
  const ends = `${formatLocator(from)} to ${formatLocator(to)}`;
  return `${direction} SPI ${spi.toString(16)} ${ends}, key ${key.slice(0, 8)}`;
}

function packetName(packet: Uint8Array): string {
  return Object.entries(packetTypes).find(([, type]) => type === packet[2])?.[0] ?? 'an unknown packet';
}
