import { createECDH, generateKeyPairSync, sign, verify } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { AssociationState } from '../../firmware/hip/association.ts';
import { ownIdentity } from '../../firmware/hip/own-identity.ts';
import { Responder } from '../../firmware/hip/responder.ts';
import { hipCrypto } from '../../firmware/system/hip-crypto.ts';
import { exchange, Host, newSigner } from '../hip/two-hosts.ts';
import { type Figure, median } from './figures.ts';
import type { Bench } from './main.ts';

const warmUps = 500;
/** Enough for the slowest hundredth to be more than chance. */
const exchanges = 2_000;
/** Exchanges and bare cryptography take turns, so that whatever else the machine does falls on both alike. */
const turns = 10;
const associations = 1_000;

/** The machine's time between exchanges: 100 a second, below the load at which puzzles get harder. */
const pauseMs = 10;

/** Processor time of this process in milliseconds, all threads. */
function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** What no exchange can do without: P-256 and SHA-384 by Node, nothing around it. */
function bareCryptography(): () => void {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const message = new Uint8Array(600);
  const theirs = createECDH('prime256v1');
  const theirValue = theirs.generateKeys();
  return () => {
    // R1 was signed ahead and its key pair made; it is verified like I2 and R2.
    const ours = createECDH('prime256v1');
    const ourValue = ours.generateKeys();
    ours.computeSecret(theirValue);
    theirs.computeSecret(ourValue);
    for (let count = 0; count < 2; count++) sign('sha384', message, privateKey);
    const signature = sign('sha384', message, privateKey);
    for (let count = 0; count < 3; count++) verify('sha384', message, publicKey, signature);
  };
}

/** Signs what the responder lacks after an exchange: off the path of the next one, but work all the same. */
async function signMissing(host: Host, now: number): Promise<void> {
  const drafts = host.responder.draftMissing(now);
  drafts?.finish(await Promise.all(drafts.messages.map((message) => host.signer.sign(message))));
}

async function measureExchanges() {
  const [initiator, responder] = [
    new Host(newSigner(), '192.0.2.1'),
    new Host(newSigner(), '192.0.2.2', { firstSpi: 0x8000 }),
  ];
  initiator.meet(responder);
  responder.meet(initiator);
  await responder.prepareR1s();
  let now = 0;
  const once = async (): Promise<number> => {
    initiator.step({ type: 'abandon' });
    responder.step({ type: 'abandon' });
    const start = performance.now();
    await exchange(initiator, responder, now);
    const took = performance.now() - start;
    if (initiator.state.name !== 'ESTABLISHED')
      throw new Error(`not established but ${initiator.state.name}`);
    await signMissing(responder, now);
    now += pauseMs;
    return took;
  };
  const bare = bareCryptography();
  for (let count = 0; count < warmUps; count++) {
    await once();
    bare();
  }
  const times: number[] = [];
  const perSecond: number[] = [];
  const bareMs: number[] = [];
  const each = exchanges / turns;
  for (let turn = 0; turn < turns; turn++) {
    const start = processorMs();
    for (let count = 0; count < each; count++) times.push(await once());
    const middle = processorMs();
    for (let count = 0; count < each; count++) bare();
    perSecond.push((1_000 * each) / (middle - start));
    bareMs.push((processorMs() - middle) / each);
  }
  return { times: times.toSorted((left, right) => left - right), perSecond, bareMs };
}

/** Octets in use once everything that nobody needs is collected. */
function usedOctets(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Octets that an association has to keep: keys, the peer's identity, and the I2 and R2 that answer a repetition. */
function indispensableOctets(state: AssociationState): number {
  if (state.name !== 'R2-SENT') throw new Error(`not answered but ${state.name}`);
  const { answered, keys, peerIdentity } = state.association;
  return (
    (answered?.i2.length ?? 0) + (answered?.r2.length ?? 0) + keys.keymatIndex + peerIdentity.octets.length
  );
}

/** One gateway that a thousand others come to, once each. */
async function measureAssociations() {
  const signer = newSigner();
  const before = usedOctets();
  const responder = new Responder(ownIdentity(signer.identity, hipCrypto), hipCrypto, 1n);
  const states: AssociationState[] = [];
  const peers = Array.from(
    { length: associations },
    (_, index) => new Host(newSigner(), `10.0.${index >> 8}.${index & 255}`),
  );
  const start = processorMs();
  for (const [index, peer] of peers.entries()) {
    const now = index * pauseMs;
    const host = new Host(signer, '192.0.2.2', { firstSpi: 0x1000 + index, responder });
    host.meet(peer);
    peer.meet(host);
    if (index === 0) await host.prepareR1s();
    await exchange(peer, host, now);
    await signMissing(host, now);
    states.push(host.state);
  }
  const seconds = (processorMs() - start) / 1_000;
  peers.length = 0;
  const octets = (usedOctets() - before) / associations;
  const [first] = states;
  if (first === undefined) throw new RangeError('no associations');
  return { seconds, octets, floor: indispensableOctets(first), responder };
}

export const measureHip: Bench = async (progress) => {
  progress(`${exchanges} base exchanges, both ends in this process`);
  const { times, perSecond, bareMs } = await measureExchanges();
  const at = (part: number) => times[Math.floor(part * (times.length - 1))] ?? Number.NaN;
  progress(`${associations} associations of one gateway`);
  const { seconds, octets, floor } = await measureAssociations();
  const bare = median(bareMs);
  const rate = median(perSecond);
  const cryptography = '2 signatures, 3 verifications, a key pair and 2 agreements on P-256';
  const lower = { unit: 'ms', better: 'lower', samples: times } as const;
  const figures: Figure[] = [
    {
      ...{ ...lower, name: 'base-exchange-p50-ms', value: at(0.5), target: 3 },
      against: `both ends in one process, without a network; ${cryptography} alone: ${bare.toFixed(2)} ms of processor`,
    },
    { ...lower, name: 'base-exchange-p99-ms', value: at(0.99), target: 10, against: 'the same exchanges' },
    {
      ...{
        name: 'base-exchanges-per-second-per-core',
        value: rate,
        unit: '/s',
        better: 'higher',
        target: 500,
      },
      against: `one core's time for both ends of each; ${cryptography} alone: ${(1_000 / bare).toFixed(0)}/s`,
      samples: perSecond,
    },
    {
      ...{ name: 'base-exchange-to-cryptography-ratio', value: 1_000 / rate / bare, unit: 'ratio' },
      ...{ better: 'lower', target: null, against: `${cryptography}, in turns with the exchanges` },
      samples: perSecond.map((value, turn) => 1_000 / value / (bareMs[turn] ?? Number.NaN)),
    },
    {
      ...{ name: 'associations-1000-set-up-s', value: seconds, unit: 's', better: 'lower', target: null },
      against: `one core's time for both ends, every peer's key new; ${cryptography} alone: ${((associations * bare) / 1_000).toFixed(2)} s; the kernel not asked`,
      samples: [seconds],
    },
    {
      ...{
        name: 'association-memory-kib',
        value: octets / 1_024,
        unit: 'KiB',
        better: 'lower',
        target: null,
      },
      against: `keys, the peer's identity and the two packets that answer a repeated I2: ${(floor / 1_024).toFixed(2)} KiB`,
      samples: [octets / 1_024],
    },
  ];
  return { accelerator: 'none', figures };
};
