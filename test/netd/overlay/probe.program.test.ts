import * as fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { parseHipUri } from '../../../firmware/hip/hip-uri.ts';
import { limits as hipLimits } from '../../../firmware/hip/limits.ts';
import { encodePacket } from '../../../firmware/hip/packet.ts';
import type { DiagnosticPorts } from '../../../firmware/netd/overlay/diagnosis.ts';
import { limits } from '../../../firmware/netd/overlay/limits.ts';
import {
  OpenResponder,
  type OpenResponderOptions,
  type ResponderEvent,
} from '../../../firmware/netd/overlay/open-responder.ts';
import { probe } from '../../../firmware/netd/overlay/probe.ts';
import { openDiagnosticPorts, throwAwaySigner } from '../../../firmware/system/diagnostic-system.ts';
import { Bench as VirtualBench } from './overlay-bench.ts';

/** Everything over real sockets of the loopback interface. */
class Bench {
  readonly events: ResponderEvent[] = [];
  readonly #open: (() => Promise<void>)[] = [];
  #responder: OpenResponder | undefined;
  port = 0;

  get responder(): OpenResponder {
    if (this.#responder === undefined) throw new Error('not started');
    return this.#responder;
  }

  async ports(port = 0): Promise<{ ports: DiagnosticPorts; port: number }> {
    const opened = await openDiagnosticPorts(throwAwaySigner(), port);
    this.#open.push(() => opened.ports.socket.close());
    return opened;
  }

  async respond(options: Partial<OpenResponderOptions> = {}): Promise<void> {
    const { ports, port } = await this.ports();
    this.port = port;
    this.#responder = new OpenResponder(ports, {
      ...{ difficulty: 0, onEvent: (event) => void this.events.push(event) },
      ...options,
    });
    await this.#responder.start();
    this.#open.unshift(() => this.responder.close());
  }

  async probe({ ports, timeoutMs = 5000 }: { ports?: DiagnosticPorts; timeoutMs?: number } = {}) {
    const used = ports ?? (await this.ports()).ports;
    const place = { host: '127.0.0.1', port: this.port };
    return await probe({ peer: this.responder.hit, place, timeoutMs }, used);
  }

  /** What a peer heard and said in one exchange, for changing. */
  async recorded(): Promise<Uint8Array[]> {
    const { ports } = await this.ports();
    const said: Uint8Array[] = [];
    const socket = watched(ports.socket, (packet) => {
      said.push(packet);
      return true;
    });
    await this.probe({ ports: { ...ports, socket } });
    return said;
  }

  async close(): Promise<void> {
    for (const close of this.#open) await close();
  }
}

let bench = new Bench();
afterEach(async () => {
  await bench.close();
  bench = new Bench();
});

const established = (events: readonly ResponderEvent[]) =>
  events.flatMap((event) => (event.event === 'established' ? [event] : []));

describe('a probe and a responder', () => {
  test('one exchange: both ends show the same keys’ fingerprint, and the CLOSE is acknowledged', async () => {
    await bench.respond();
    const result = await bench.probe();
    expect(result).toMatchObject({
      ...{ reached: true, reason: null, locator: `127.0.0.1:${bench.port}`, closed: true },
      offered: { DH_GROUP_LIST: expect.stringContaining('NIST P-256'), PUZZLE: '0 bits' },
      negotiated: { DIFFIE_HELLMAN: 'NIST P-256', HIP_CIPHER: 'aes-256-cbc', ESP_TRANSFORM: 'aes-gcm-16' },
    });
    expect(result.steps.map(({ step }) => step)).toEqual([
      ...['resolved', 'I1 sent', 'R1 received', 'I2 sent', 'R2 received', 'established'],
      ...['CLOSE sent', 'CLOSE_ACK received'],
    ]);
    const [one, ...more] = established(bench.events);
    expect(more).toEqual([]);
    expect(one).toMatchObject({ keysFingerprint: result.keysFingerprint, espSuite: 'aes-gcm-16', rekeys: 0 });
    expect(bench.events.at(-1)).toEqual({ event: 'ended', peer: one?.peer, reason: 'closed by the peer' });
  });

  test('keys appear nowhere but in a key log', async () => {
    let log = '';
    await bench.respond({
      keyLog: (text) => {
        log += text;
      },
    });
    const result = await bench.probe();
    const keys = [...log.matchAll(/0x([0-9a-f]{32,})/g)].map(([, key]) => key ?? '');
    expect(keys.length).toBe(4);
    const told = JSON.stringify([result, bench.events]);
    for (const key of keys) expect(told).not.toContain(key);
  });

  test('a puzzle is solved, and what that cost is told', async () => {
    await bench.respond({ difficulty: 10 });
    const result = await bench.probe();
    expect(result).toMatchObject({ reached: true, puzzle: { difficulty: 10 } });
    expect(result.puzzle?.hashes).toBeGreaterThan(0);
  });

  test('one that is harder than we solve is refused with the reason', async () => {
    await bench.respond({ difficulty: hipLimits.puzzleDifficulty + 1 });
    const result = await bench.probe({ timeoutMs: 300 });
    expect(result.reached).toBe(false);
    expect(result.reason).toContain(`puzzle of ${hipLimits.puzzleDifficulty + 1} bits`);
  });

  test('only the initiators that are named are answered', async () => {
    const uri = parseHipUri('hip://192.0.2.1/2001:22::1');
    if (!uri.ok) throw new Error(uri.error);
    await bench.respond({ peers: [uri.value.hit] });
    expect(await bench.probe({ timeoutMs: 200 })).toMatchObject({ reached: false, reason: 'no answer' });
    expect(bench.events).toMatchObject([{ event: 'dropped', reason: 'the HIT is not allowed' }]);
  });

  test('a name that has no address, and a port that nobody has', async () => {
    await bench.respond();
    const { ports } = await bench.ports();
    const nowhere = { ...ports, resolve: async () => [] };
    const request = { peer: bench.responder.hit, timeoutMs: 60_000 };
    expect(await probe({ ...request, place: { host: 'gw.example', port: 1 } }, nowhere)).toMatchObject({
      ...{ reached: false, reason: 'gw.example has no address' },
    });
  });

  test('the responder ends: its peers are told, and nothing is answered any more', async () => {
    await bench.respond();
    // A peer that never closes: its exchange is repeated by hand.
    await bench.recorded();
    await bench.responder.close();
    expect(bench.responder.size).toBe(0);
    expect(await bench.probe({ timeoutMs: 200 })).toMatchObject({ reached: false });
  });
});

describe('a responder on a hostile network', () => {
  const i1From = (index: number) => {
    const sender = Uint8Array.from([
      0x20,
      1,
      0,
      0x22,
      ...new Array<number>(8).fill(0),
      0,
      0,
      index >> 8,
      index & 0xff,
    ]);
    return encodePacket({
      ...{ packet: 'I1', controls: 0, sender, receiver: bench.responder.hit },
      parameters: [{ name: 'DH_GROUP_LIST', groups: [7] }],
    });
  };

  test('whatever comes, nothing throws, nothing is kept, and an honest peer gets in', async () => {
    await bench.respond();
    const said = await bench.recorded();
    const heard: ((packet: Uint8Array, from: { address: string; port: number }) => void)[] = [];
    const { ports } = await bench.ports();
    const events: ResponderEvent[] = [];
    const target = new OpenResponder(
      {
        ...ports,
        socket: {
          ...{ send: () => {}, onSendFailure: () => {}, useRaw: async () => {}, close: async () => {} },
          ...{
            dropped: () => ({ notHip: 0, badChecksum: 0 }),
            onPacket: (listener) => void heard.push(listener),
          },
        },
      },
      { difficulty: 0, onEvent: (event) => void events.push(event) },
    );
    await target.start();
    const [listener] = heard;
    if (listener === undefined) throw new Error('it does not listen');
    const from = { address: '192.0.2.9', port: 10500 };
    const changed = fc
      .tuple(
        fc.nat(said.length - 1),
        fc.array(fc.tuple(fc.nat(600), fc.nat(255)), { maxLength: 4 }),
        fc.nat(700),
      )
      .map(([index, changes, length]) => {
        const packet = (said[index] ?? new Uint8Array()).slice(0, Math.max(length, 40));
        // It must be for this responder to come any further.
        packet.set(target.hit, 24);
        for (const [at, value] of changes) if (at < packet.length) packet[at] = value;
        return packet;
      });
    await fc.assert(
      fc.property(fc.oneof(changed, fc.uint8Array({ maxLength: 300 })), (octets) => {
        listener(octets, from);
      }),
      { numRuns: 1500 },
    );
    expect(target.size).toBe(0);
    expect(established(events)).toEqual([]);
    expect(events.length).toBeLessThanOrEqual(limits.toldInASweep + 2);
    await target.close();
    expect(await bench.probe()).toMatchObject({ reached: true });
  });

  test('a flood of I1s leaves no trace but R1s up to the limit, and words up to another', async () => {
    await bench.respond();
    const { ports } = await bench.ports();
    let answers = 0;
    const enough = Promise.withResolvers<void>();
    ports.socket.onPacket(() => {
      answers++;
      if (answers === hipLimits.r1sPerAddress) enough.resolve();
    });
    for (let index = 0; index < 1000; index++)
      ports.socket.send(i1From(index), { address: '127.0.0.1', port: bench.port });
    await enough.promise;
    expect(bench.responder.size).toBe(0);
    expect(bench.events.length).toBeLessThanOrEqual(2 * limits.toldInASweep);
  });

  test('it keeps as many associations as it may, the ones heard last', async () => {
    await bench.respond({ most: 2 });
    const gone: string[] = [];
    for (let index = 0; index < 3; index++) {
      const { ports } = await bench.ports();
      const result = await bench.probe({ ports: { ...ports, socket: withoutClose(ports.socket) } });
      expect(result).toMatchObject({ reached: true, closed: false });
      gone.push(...bench.events.flatMap((event) => (event.event === 'ended' ? [event.peer] : [])));
    }
    expect(bench.responder.size).toBe(2);
    expect(gone).toEqual([established(bench.events)[0]?.peer]);
  }, 30_000);

  test('a peer that falls silent is given up after a while', async () => {
    const time = new VirtualBench();
    const events: ResponderEvent[] = [];
    const responder = new OpenResponder(time.ports('192.0.2.1'), {
      ...{ difficulty: 0, onEvent: (event) => void events.push(event) },
    });
    await responder.start();
    const ports = time.ports('192.0.2.2');
    const place = { host: '192.0.2.1', port: 10500 };
    const request = { peer: responder.hit, place, timeoutMs: 5000 };
    const probing = probe(request, { ...ports, socket: withoutClose(ports.socket) });
    await time.pass(5_000);
    expect(await probing).toMatchObject({ reached: true, closed: false });
    await time.pass(limits.openSilenceMs - 6_000);
    expect(responder.size).toBe(1);
    await time.pass(6_000 + limits.sweepMs);
    expect(responder.size).toBe(0);
    expect(events.filter(({ event }) => event === 'ended')).toMatchObject([
      { reason: 'the peer fell silent' },
    ]);
    // It is told, in case it is there after all.
    expect(events.at(-1)).toMatchObject({ event: 'sent', packet: 'CLOSE' });
  });
});

/** Nothing of type CLOSE gets through: the peer leaves without a word. */
function withoutClose(socket: DiagnosticPorts['socket']): DiagnosticPorts['socket'] {
  return watched(socket, (packet) => packet[2] !== 18);
}

function watched(
  socket: DiagnosticPorts['socket'],
  passes: (packet: Uint8Array) => boolean,
): DiagnosticPorts['socket'] {
  return {
    onPacket: (listener) => socket.onPacket(listener),
    onSendFailure: (listener) => socket.onSendFailure(listener),
    useRaw: (wanted) => socket.useRaw(wanted),
    dropped: () => socket.dropped(),
    close: () => socket.close(),
    send(packet, to) {
      if (passes(packet)) socket.send(packet, to);
    },
  };
}
