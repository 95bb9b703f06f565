import { describe, expect, test } from 'vitest';
import { equalBytes, toHex } from '../../firmware/bytes/bytes.ts';
import type { AssociationEffect, AssociationState } from '../../firmware/hip/association.ts';
import { type HostIdentityTag, hostIdentityTag } from '../../firmware/hip/host-identity-tag.ts';
import { limits } from '../../firmware/hip/limits.ts';
import { notifyTypeName, type notifyTypes } from '../../firmware/hip/notify.ts';
import { appendParameters, decodePacket, encodePacket, parameter } from '../../firmware/hip/packet.ts';
import { NaivePeer } from './naive-peer.ts';
import { exchange, Host, newSigner, parsed, twoHosts } from './two-hosts.ts';

function associationOf(state: AssociationState) {
  if (state.name !== 'R2-SENT' && state.name !== 'ESTABLISHED')
    throw new Error(`no association in ${state.name}`);
  return state.association;
}

function asHit(octets: Uint8Array): HostIdentityTag {
  const hit = hostIdentityTag(new Uint8Array(octets));
  if (hit === undefined) throw new Error('not a HIT');
  return hit;
}

/** A host of ours that knows the naive peer. */
async function hostFor(naive: NaivePeer): Promise<Host> {
  const host = new Host(newSigner(), '192.0.2.1');
  let spi = 0x1000;
  host.context = {
    ...{ crypto: host.crypto, own: host.own, responder: host.responder, peer: asHit(naive.hit) },
    newSpi: () => spi++,
  };
  await host.prepareR1s();
  return host;
}

const naiveLocator = { address: '192.0.2.9', port: 10500 };
const packetInput = (octets: Uint8Array) => ({
  type: 'packet' as const,
  packet: parsed(octets),
  from: naiveLocator,
});

describe('against a second implementation, written from the RFCs alone', () => {
  test('RFC 7401 §5.3: our responder, its initiator', async () => {
    const naive = new NaivePeer();
    const host = await hostFor(naive);
    const [r1] = await host.packets(packetInput(naive.i1(host.own.hit)));
    const [r2] = await host.packets(packetInput(naive.i2(Buffer.from(r1 ?? []))));
    naive.finish(Buffer.from(r2 ?? []));
    const { keys, suite, localSpi, peerSpi } = associationOf(host.state);
    expect(host.state.name).toBe('R2-SENT');
    expect([localSpi, peerSpi]).toEqual([naive.peerSpi, naive.spi.readUInt32BE(0)]);
    expect(toHex(keys.espKeys(suite).outgoing.encryption.reveal())).toBe(
      naive.espKey(host.own.hit, 'incoming').toString('hex'),
    );
    expect(toHex(keys.espKeys(suite).incoming.encryption.reveal())).toBe(
      naive.espKey(host.own.hit, 'outgoing').toString('hex'),
    );
  });

  test('RFC 7401 §5.3: our initiator, its responder, with a puzzle, echoes and a domain identifier', async () => {
    const naive = new NaivePeer();
    const host = await hostFor(naive);
    const [i1] = await host.packets({ type: 'connect', to: naiveLocator });
    const r1 = naive.r1(Buffer.from(i1 ?? []));
    const [i2] = await host.packets(packetInput(r1));
    const r2 = naive.r2(Buffer.from(i2 ?? []), r1);
    await host.packets(packetInput(r2));
    expect(host.state.name).toBe('ESTABLISHED');
    const { keys, suite, peerSpi } = associationOf(host.state);
    expect(peerSpi).toBe(naive.spi.readUInt32BE(0));
    expect(toHex(keys.espKeys(suite).outgoing.encryption.reveal())).toBe(
      naive.espKey(host.own.hit, 'incoming').toString('hex'),
    );
  });
});

describe('RFC 7402 §6.8 to §6.10 against the second implementation', () => {
  async function associated() {
    const naive = new NaivePeer();
    const host = await hostFor(naive);
    const [r1] = await host.packets(packetInput(naive.i1(host.own.hit)));
    const [r2] = await host.packets(packetInput(naive.i2(Buffer.from(r1 ?? []))));
    naive.finish(Buffer.from(r2 ?? []));
    return { naive, host, hit: Buffer.from(host.own.hit) };
  }
  /** The ESP keys of both, and the SPIs, must be the same. */
  function expectAgreement(host: Host, naive: NaivePeer, effects: readonly AssociationEffect[]) {
    const installed = effects.flatMap((effect) =>
      effect.type === 'install-inbound' || effect.type === 'install-outbound'
        ? [[effect.type, effect.association.spi, toHex(effect.association.keys.encryption.reveal())]]
        : [],
    );
    const hit = host.own.hit;
    expect(installed).toEqual([
      ['install-inbound', naive.peerSpi, naive.espKey(hit, 'outgoing').toString('hex')],
      ['install-outbound', naive.spi.readUInt32BE(0), naive.espKey(hit, 'incoming').toString('hex')],
    ]);
  }
  const newSpis = [
    Buffer.from('00abcdef', 'hex'),
    Buffer.from('00fedcba', 'hex'),
    Buffer.from('01020304', 'hex'),
  ];

  test('it asks: for the next keys, for some further on, and with a new Diffie-Hellman key', async () => {
    const { naive, host, hit } = await associated();
    const requests = [
      { isRenewed: false, index: 200 },
      { isRenewed: false, index: 777 },
      { isRenewed: true, index: 0 },
    ];
    for (const [count, request] of requests.entries()) {
      const asked = naive.rekey(hit, newSpis[count] ?? Buffer.alloc(4), request);
      const effects = [...(await host.settle(packetInput(asked)))];
      const [answer] = effects.flatMap((effect) => (effect.type === 'send' ? [effect.packet] : []));
      const read = naive.update(Buffer.from(answer ?? []));
      expect([read.seq, read.ack]).toEqual([count, count]);
      expect(read.dh !== undefined).toBe(request.isRenewed);
      naive.finishRekey(hit, read, request);
      effects.push(
        ...(await host.settle(packetInput(naive.acknowledge(hit, count, read.echo ?? Buffer.alloc(0))))),
      );
      expectAgreement(host, naive, effects);
    }
  });

  test('it answers: with the index that it was given, with a greater one, and with a new Diffie-Hellman key', async () => {
    const { naive, host, hit } = await associated();
    const answers = [
      { isRenewed: false, index: 200 },
      { isRenewed: false, index: 500 },
      { isRenewed: true, index: 0 },
    ];
    host.step({ type: 'traffic', sent: true, received: true });
    for (const [count, ours] of answers.entries()) {
      const [asked] = await host.packets({ type: 'rekey' });
      const read = naive.update(Buffer.from(asked ?? []));
      expect(read.seq).toBe(count);
      const answer = naive.rekey(hit, newSpis[count] ?? Buffer.alloc(4), { ...ours, acks: count });
      naive.finishRekey(hit, read, ours);
      const effects = await host.settle(packetInput(answer));
      expectAgreement(host, naive, effects);
      const [ack] = effects.flatMap((effect) => (effect.type === 'send' ? [effect.packet] : []));
      expect(naive.update(Buffer.from(ack ?? []))).toMatchObject({ seq: undefined, ack: count });
    }
  });
});

describe('between two hosts of ours', () => {
  test('both ends agree on keys, SPIs and suite, whoever starts', async () => {
    const [smaller, greater] = await twoHosts();
    for (const [initiator, responder] of [
      [smaller, greater],
      [greater, smaller],
    ] as const) {
      initiator.step({ type: 'abandon' });
      responder.step({ type: 'abandon' });
      await exchange(initiator, responder);
      expect([initiator.state.name, responder.state.name]).toEqual(['ESTABLISHED', 'R2-SENT']);
      const [left, right] = [associationOf(initiator.state), associationOf(responder.state)];
      expect([left.localSpi, left.peerSpi, left.suite.name]).toEqual([
        right.peerSpi,
        right.localSpi,
        'aes-gcm-16',
      ]);
      const [ours, theirs] = [left.keys.espKeys(left.suite), right.keys.espKeys(right.suite)];
      expect(ours.outgoing.encryption.reveal()).toEqual(theirs.incoming.encryption.reveal());
      expect(ours.incoming.encryption.reveal()).toEqual(theirs.outgoing.encryption.reveal());
      expect(ours.outgoing.encryption.reveal()).not.toEqual(ours.incoming.encryption.reveal());
    }
  });

  test('RFC 7401 §6.7: an I1 leaves no trace, and the R1s of one generation share their signature', async () => {
    const [initiator, responder] = await twoHosts();
    const before = responder.state;
    const [i1] = await initiator.packets({ type: 'connect', to: responder.locator });
    const r1s = [];
    for (const now of [0, 1000, 2000]) {
      r1s.push(...(await responder.receive(i1 ?? new Uint8Array(), initiator, now)));
    }
    expect(responder.state).toBe(before);
    const puzzles = r1s.map((octets) =>
      toHex(parameter(parsed(octets), 'PUZZLE')?.random ?? new Uint8Array()),
    );
    expect(new Set(puzzles).size).toBe(3);
    const signatures = r1s.map((octets) =>
      toHex(parameter(parsed(octets), 'HIP_SIGNATURE_2')?.signature ?? new Uint8Array()),
    );
    expect(new Set(signatures).size).toBe(1);
  });

  test('nothing secret prints', async () => {
    const [initiator, responder] = await twoHosts();
    await exchange(initiator, responder);
    const { keys, suite } = associationOf(initiator.state);
    const secret = toHex(keys.espKeys(suite).outgoing.encryption.reveal());
    const shown = JSON.stringify(initiator.state, (_, value) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    expect(shown).toContain('[secret]');
    expect(shown).not.toContain(secret);
    expect(`${keys.outgoing.integrity}`).toBe('[secret]');
  });

  test('RFC 7401 §5.1: every packet decodes, and one altered octet that is covered keeps the exchange from finishing', async () => {
    const [initiator, responder] = await twoHosts();
    const { r1, i2, r2 } = await exchange(initiator, responder);
    for (const packet of [r1, i2, r2]) {
      // The last two octets pad the signature, and nothing covers those.
      for (let offset = 40; offset < packet.length - 2; offset += 7) {
        const altered = packet.slice();
        altered[offset] = (altered[offset] ?? 0) ^ 0x10;
        const decoded = decodePacket(altered);
        if (!decoded.ok) continue;
        const fresh = await twoHostsLike(initiator, responder);
        const from = { address: '192.0.2.77', port: 1 };
        if (packet === r2) await reachI2Sent(fresh.initiator, fresh.responder);
        const target = packet === i2 ? fresh.responder : fresh.initiator;
        const before = target.state;
        const answers = await target.packets({ type: 'packet', packet: decoded.value, from });
        // HIP_SIGNATURE_2 does not cover #I and Opaque, so an R1 may be answered: the responder knows its own puzzles.
        if (packet === r1)
          for (const answer of answers) await fresh.responder.receive(answer, fresh.initiator);
        const watched = packet === r1 ? fresh.responder.state.name : target.state;
        expect(watched, `octet ${offset} altered`).toBe(packet === r1 ? 'UNASSOCIATED' : before);
      }
    }
  });
});

async function reachI2Sent(initiator: Host, responder: Host): Promise<void> {
  const [i1] = await initiator.packets({ type: 'connect', to: responder.locator });
  const [r1] = await responder.receive(i1 ?? new Uint8Array(), initiator);
  await initiator.receive(r1 ?? new Uint8Array(), responder);
  expect(initiator.state.name).toBe('I2-SENT');
}

/** The same two hosts again, the initiator with an I1 out and the responder idle. */
async function twoHostsLike(initiator: Host, responder: Host) {
  initiator.step({ type: 'abandon' });
  responder.step({ type: 'abandon' });
  await initiator.packets({ type: 'connect', to: responder.locator });
  return { initiator, responder };
}

describe('RFC 7401 §6.8: what an initiator refuses in an R1', () => {
  /** An R1 of the responder with parameters changed, signed again by the responder. */
  async function signedAgain(
    responder: Host,
    r1: Uint8Array,
    change: (name: string, fields: object) => object | null,
  ) {
    const { packet, controls, sender, receiver, parameters } = parsed(r1);
    const changed = parameters
      .filter(({ name }) => name !== 'HIP_SIGNATURE_2')
      .flatMap((one) => {
        const fields = change(one.name, one);
        return fields === null ? [] : [{ ...one, ...fields }];
      });
    const unsigned = encodePacket({ packet, controls, sender, receiver, parameters: changed });
    const covered = unsigned.slice().fill(0, 24, 40);
    const bare = parsed(unsigned);
    const puzzle = bare.offsets[bare.parameters.findIndex(({ name }) => name === 'PUZZLE')] ?? 0;
    if (puzzle > 0) covered.fill(0, puzzle + 6, puzzle + 56);
    const signature = await responder.signer.sign(covered);
    return appendParameters(unsigned, { name: 'HIP_SIGNATURE_2', algorithm: 7, signature });
  }

  const keep = { keep: (_: string, fields: object) => fields };
  const without = (gone: string) => (name: string, fields: object) => (name === gone ? null : fields);
  const set = (wanted: string, values: object) => (name: string, fields: object) =>
    name === wanted ? values : fields;

  /** What comes of it: an I2, nothing at all, or a NOTIFY of this error. */
  type Outcome = 'I2' | 'nothing' | keyof typeof notifyTypes;

  test.each<[string, (name: string, fields: object) => object | null, Outcome]>([
    ['nothing changed', keep.keep, 'I2'],
    ['no R1_COUNTER, which is optional', without('R1_COUNTER'), 'I2'],
    ...[
      'PUZZLE',
      'DIFFIE_HELLMAN',
      'DH_GROUP_LIST',
      'HIP_CIPHER',
      'HOST_ID',
      'HIT_SUITE_LIST',
      'TRANSPORT_FORMAT_LIST',
      'ESP_TRANSFORM',
    ].map((name): [string, (name: string, fields: object) => object | null, Outcome] => [
      `no ${name}`,
      without(name),
      'nothing',
    ]),
    [
      'a list that prefers another group of ours: a downgrade',
      set('DH_GROUP_LIST', { groups: [9, 7] }),
      'INVALID_DH_CHOSEN',
    ],
    ['a list that prefers a group that is not ours', set('DH_GROUP_LIST', { groups: [4, 7] }), 'I2'],
    ['no group of ours', set('DH_GROUP_LIST', { groups: [3, 4] }), 'NO_DH_PROPOSAL_CHOSEN'],
    ['only NULL-ENCRYPT', set('HIP_CIPHER', { ciphers: [1] }), 'NO_HIP_PROPOSAL_CHOSEN'],
    ['AES-128-CBC alone', set('HIP_CIPHER', { ciphers: [2] }), 'I2'],
    [
      'only ESP suites without encryption',
      set('ESP_TRANSFORM', { suites: [7, 14, 15] }),
      'NO_ESP_PROPOSAL_CHOSEN',
    ],
    [
      'no ESP among its transport formats',
      set('TRANSPORT_FORMAT_LIST', { formats: [2051] }),
      'NO_ESP_PROPOSAL_CHOSEN',
    ],
    ['only RSA as HIT suite', set('HIT_SUITE_LIST', { suites: [0x10] }), 'UNSUPPORTED_HIT_SUITE'],
    ['our HIT suite in the low bits', set('HIT_SUITE_LIST', { suites: [0x02] }), 'UNSUPPORTED_HIT_SUITE'],
    ['a puzzle of another hash’s length', set('PUZZLE', { random: new Uint8Array(32) }), 'nothing'],
    ['a puzzle too hard', set('PUZZLE', { difficulty: limits.puzzleDifficulty + 1 }), 'nothing'],
    ['a point off the curve', set('DIFFIE_HELLMAN', { publicValue: new Uint8Array(64).fill(1) }), 'nothing'],
  ])('%s', async (_, change, outcome) => {
    const [initiator, responder] = await twoHosts();
    const [i1] = await initiator.packets({ type: 'connect', to: responder.locator });
    const [r1] = await responder.receive(i1 ?? new Uint8Array(), initiator);
    const altered = await signedAgain(responder, r1 ?? new Uint8Array(), change);
    const sent = (await initiator.receive(altered, responder)).map((octets) => parsed(octets));
    const said = sent.map(
      (packet) =>
        notifyTypeName(parameter(packet, 'NOTIFICATION')?.messageType ?? Number.NaN) ?? packet.packet,
    );
    expect(said).toEqual(outcome === 'nothing' ? [] : [outcome]);
    expect(initiator.state.name).toBe(outcome === 'I2' ? 'I2-SENT' : 'I1-SENT');
  });

  test.each([limits.echoLength, limits.echoLength + 1])('an echo request of %i octets', async (length) => {
    const [initiator, responder] = await twoHosts();
    const [i1] = await initiator.packets({ type: 'connect', to: responder.locator });
    const [r1] = await responder.receive(i1 ?? new Uint8Array(), initiator);
    const bare = parsed(r1 ?? new Uint8Array());
    const parameters = bare.parameters.filter(({ name }) => name !== 'HIP_SIGNATURE_2');
    const index = parameters.findIndex(({ name }) => name === 'TRANSPORT_FORMAT_LIST');
    parameters.splice(index, 0, { name: 'ECHO_REQUEST_SIGNED', data: new Uint8Array(length).fill(7) });
    const withEcho = encodePacket({ ...bare, parameters });
    const altered = await signedAgain(
      responder,
      appendParameters(withEcho, { name: 'HIP_SIGNATURE_2', algorithm: 7, signature: new Uint8Array(64) }),
      keep.keep,
    );
    // As many unsigned requests as fit: only what there is room for comes back, and the packet holds.
    let flooded = altered;
    while (flooded.length + 104 <= limits.packetLength) {
      flooded = appendParameters(flooded, {
        name: 'ECHO_REQUEST_UNSIGNED',
        data: new Uint8Array(100).fill(5),
      });
    }
    const [i2] = await initiator.receive(flooded, responder);
    expect(i2 !== undefined).toBe(length <= limits.echoLength);
    if (i2 === undefined) return;
    const echoed = parsed(i2).parameters.filter(({ name }) => name === 'ECHO_RESPONSE_UNSIGNED');
    expect(echoed.length).toBe(Math.floor(limits.unsignedEchoLength / 112));
    expect(
      equalBytes(
        parameter(parsed(i2), 'ECHO_RESPONSE_SIGNED')?.data ?? new Uint8Array(),
        new Uint8Array(length).fill(7),
      ),
    ).toBe(true);
  });
});
