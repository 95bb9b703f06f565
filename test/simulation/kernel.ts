import type { Locator } from '../../firmware/hip/locator.ts';
import type { KernelEvent } from '../../firmware/netd/overlay/kernel-events.ts';
import type { CommandResult } from '../../firmware/netd/system-port.ts';
import type { Datagram, EspPacket, UserData } from './datagram.ts';
import { type IpLine, type IpState, readIpLine } from './ip-line.ts';
import type { VirtualTime } from './virtual-time.ts';

/** A security association of one direction, as `ip xfrm state` has it. */
export type SecurityAssociation = Omit<IpState, 'from' | 'to'> & {
  /** Outer addresses, with ports where ESP goes in UDP: those may change. */
  from: Locator;
  to: Locator;
  readonly seen: Set<number>;
  packets: number;
  refused: { tooOld: number; replayed: number; forged: number };
  /** Its soft limit was reached. */
  isDying: boolean;
};

type Template = { readonly from: string; readonly to: string; readonly reqid: number | undefined };

export type KernelListener = {
  /** An association was added, also where it takes the place of one with the same keys, or has another destination now. */
  readonly changed: (association: SecurityAssociation, direction: 'in' | 'out') => void;
  readonly sending: (association: SecurityAssociation, esp: EspPacket) => void;
  /** What the kernel takes a packet for, and what it is. */
  readonly delivered: (data: UserData, truth: UserData) => void;
  readonly refused: (reason: string) => void;
  readonly event: (event: KernelEvent) => void;
};

/** Octets that every packet of user data counts for here: a mebibyte is 64 packets. */
const dataLength = 16_384;
/** net.core.xfrm_acq_expires: for so long the kernel does not ask again for the same pair of outer addresses. */
const acquireMs = 30_000;

/**
 * XFRM as far as the overlay uses it: what `ip -batch -` says is done, and packets pass only by it. The checks that Linux
 * 6.12 makes on the way (xfrm_state_find, xfrm_input, esp_input, __xfrm_policy_check) stand here in the same order.
 */
export class SimulatedKernel {
  readonly #localHit: string;
  readonly #time: VirtualTime;
  readonly #listener: KernelListener;
  #states: SecurityAssociation[] = [];
  #policies = new Map<string, Template | undefined>();
  /** Until when what was asked for is waited for, by the template's addresses. */
  #acquired = new Map<string, number>();

  constructor(localHit: string, time: VirtualTime, listener: KernelListener) {
    this.#localHit = localHit;
    this.#time = time;
    this.#listener = listener;
  }

  get associations(): readonly SecurityAssociation[] {
    return this.#states;
  }

  /** Everything is gone, as after a power cut. */
  clear(): void {
    this.#states = [];
    this.#policies.clear();
    this.#acquired.clear();
  }

  /** `ip -batch -` ends at the first line that fails. */
  batch(input: string): CommandResult {
    let stdout = '';
    for (const text of input.split('\n')) {
      if (text === '') continue;
      const line = readIpLine(text);
      if (line.command === 'xfrm state count') stdout += `\tSAD count ${this.#states.length}\n`;
      const failure = this.#do(line);
      if (failure !== undefined) return { status: 1, stdout, stderr: `RTNETLINK answers: ${failure}\n` };
    }
    return { status: 0, stdout, stderr: '' };
  }

  /** `ip -s -o xfrm state list`, of one association where its SPI and destination are given. */
  list(one?: { readonly destination: string; readonly spi: number }): CommandResult {
    const listed = this.#states.filter(
      ({ spi, to }) => one === undefined || (spi === one.spi && to.address === one.destination),
    );
    if (one !== undefined && listed.length === 0)
      return { status: 2, stdout: '', stderr: 'RTNETLINK answers: No such process\n' };
    return { status: 0, stdout: listed.map((state) => this.#listing(state)).join(''), stderr: '' };
  }

  /** Makes ESP of a packet for a HIT, or undefined where no association carries it. */
  send(
    data: UserData,
  ): { readonly from: Locator; readonly to: Locator; readonly esp: EspPacket } | undefined {
    const template = this.#policies.get(policyKey('out', this.#localHit, data.to));
    if (template === undefined) return undefined;
    const fitting = this.#states.filter(
      (state) =>
        (template.reqid === undefined || state.reqid === template.reqid) &&
        state.selector.to === data.to &&
        state.from.address === template.from &&
        state.to.address === template.to,
    );
    // The kernel prefers one whose soft limit is not reached, and of several the youngest, which was added last.
    const association = fitting.findLast(({ isDying }) => !isDying) ?? fitting.at(-1);
    if (association === undefined) {
      this.#acquire(template, data.to);
      return undefined;
    }
    association.sequence++;
    this.#count(association);
    const { spi, sequence, key, from, to } = association;
    const esp = { spi, sequence, key, data };
    this.#listener.sending(association, esp);
    return { from, to, esp };
  }

  receive(datagram: Datagram, esp: EspPacket): void {
    const reason = this.#accept(datagram, esp);
    if (reason !== undefined) this.#listener.refused(reason);
  }

  /** Why a packet is refused, or undefined when it was delivered. */
  #accept({ from, to }: Datagram, esp: EspPacket): string | undefined {
    const association = this.#states.find(
      (state) => state.spi === esp.spi && state.to.address === to.address && this.#isInbound(state),
    );
    if (association === undefined) return 'no such SPI';
    if ((association.to.port === null) !== (from.port === null)) return 'in UDP or not';
    const { sequence, seen, replayWindow, selector, reqid, spi, refused } = association;
    if (esp.sequence <= sequence - replayWindow) {
      refused.tooOld++;
      return 'too old';
    }
    if (seen.has(esp.sequence)) {
      refused.replayed++;
      return 'seen before';
    }
    if (esp.key !== association.key) {
      refused.forged++;
      return 'not authentic';
    }
    seen.add(esp.sequence);
    if (esp.sequence > sequence) {
      association.sequence = esp.sequence;
      if (seen.size > 2 * replayWindow)
        for (const old of seen) if (old <= esp.sequence - replayWindow) seen.delete(old);
    }
    this.#count(association);
    const expected = association.from;
    // esp_input_done2: for ESP in UDP alone, and it changes nothing by itself.
    if (from.port !== null && (from.address !== expected.address || from.port !== expected.port))
      this.#listener.event({ type: 'mapping', mark: reqid, spi, from });
    const template = this.#policies.get(policyKey('in', selector.from, selector.to));
    // xfrm_state_ok compares the state's source with the template's, whatever the packet's is.
    const fits = template?.reqid === reqid && (template.from === '::' || template.from === expected.address);
    if (!fits) return 'no policy lets it in';
    this.#listener.delivered({ id: esp.data.id, ...selector }, esp.data);
    return undefined;
  }

  #isInbound({ selector }: SecurityAssociation): boolean {
    return selector.to === this.#localHit;
  }

  #count(association: SecurityAssociation): void {
    association.packets++;
    const { limits, packets } = association;
    const isReached = (most: { packets: number; bytes: number }) =>
      packets >= most.packets || packets * dataLength >= most.bytes;
    if (isReached(limits.hard)) this.#expire(association, true);
    else if (isReached(limits.soft)) this.#expire(association, false);
  }

  #expire(association: SecurityAssociation, hard: boolean): void {
    if (!this.#states.includes(association) || (association.isDying && !hard)) return;
    association.isDying = true;
    if (hard) this.#states = this.#states.filter((state) => state !== association);
    this.#listener.event({ type: 'expire', mark: association.reqid, spi: association.spi, hard });
  }

  #acquire({ from, to }: Template, peerHit: string): void {
    const key = `${from} ${to}`;
    if ((this.#acquired.get(key) ?? 0) > this.#time.now) return;
    this.#acquired.set(key, this.#time.now + acquireMs);
    this.#listener.event({ type: 'acquire', peerHit });
  }

  #do(line: IpLine): string | undefined {
    switch (line.command) {
      case 'xfrm state add':
        return this.#add(line.state);
      case 'xfrm state update':
        return this.#update(line.state);
      case 'xfrm state delete': {
        const before = this.#states.length;
        const { destination, spi } = line;
        this.#states = this.#states.filter((state) => state.spi !== spi || state.to.address !== destination);
        return this.#states.length === before ? 'No such process' : undefined;
      }
      case 'xfrm state flush':
        this.#states = [];
        this.#acquired.clear();
        return undefined;
      case 'xfrm policy update':
        this.#policies.set(policyKey(line.direction, line.from, line.to), line.template);
        return undefined;
      case 'xfrm policy delete':
        return this.#policies.delete(policyKey(line.direction, line.from, line.to))
          ? undefined
          : 'No such file or directory';
      case 'xfrm policy flush':
        this.#policies.clear();
        return undefined;
      case 'xfrm state count':
      case 'other':
        return undefined;
    }
  }

  #add(state: IpState): string | undefined {
    if (this.#find(state) !== undefined) return 'File exists';
    const refused = { tooOld: 0, replayed: 0, forged: 0 };
    const association = { ...state, seen: new Set<number>(), packets: 0, refused, isDying: false };
    this.#states.push(association);
    const { soft, hard } = state.limits;
    if (soft.seconds < Number.POSITIVE_INFINITY)
      this.#time.after(soft.seconds * 1_000, () => this.#expire(association, false));
    if (hard.seconds < Number.POSITIVE_INFINITY)
      this.#time.after(hard.seconds * 1_000, () => this.#expire(association, true));
    this.#listener.changed(association, this.#isInbound(association) ? 'in' : 'out');
    return undefined;
  }

  /** xfrm_state_update takes other ports and limits into an association that is there, and nothing else. */
  #update(state: IpState): string | undefined {
    const association = this.#find(state);
    if (association === undefined) return 'No such process';
    association.from = { ...association.from, port: state.from.port };
    association.to = { ...association.to, port: state.to.port };
    this.#listener.changed(association, this.#isInbound(association) ? 'in' : 'out');
    return undefined;
  }

  #find({ spi, to }: IpState): SecurityAssociation | undefined {
    return this.#states.find((other) => other.spi === spi && other.to.address === to.address);
  }

  #listing(state: SecurityAssociation): string {
    const { spi, reqid, from, to, packets, refused, sequence } = state;
    const hex = (value: number) => `0x${value.toString(16)}`;
    const sent = this.#isInbound(state) ? 0 : sequence;
    return [
      `src ${from.address} dst ${to.address}`,
      `\tproto esp spi ${hex(spi)}(${spi}) reqid ${reqid}(${hex(reqid)}) mode beet`,
      '\tanti-replay esn context:',
      `\t seq-hi 0x0, seq 0x0, oseq-hi ${hex(Math.floor(sent / 2 ** 32))}, oseq ${hex(sent % 2 ** 32)}`,
      '\tlifetime current:',
      `\t  ${packets * dataLength}(bytes), ${packets}(packets)`,
      '\tstats:',
      `\t  replay-window ${refused.tooOld} replay ${refused.replayed} failed ${refused.forged}`,
      '\n',
    ].join('\\');
  }
}

function policyKey(direction: string, from: string, to: string): string {
  return `${direction} ${from} ${to}`;
}
