import { appraise } from '../../firmware/attestation/appraisal.ts';
import { readEndorsements } from '../../firmware/attestation/endorsement-keys.ts';
import { writeEvidence } from '../../firmware/attestation/evidence.ts';
import { collectEvidence } from '../../firmware/attestation/evidence-collection.ts';
import type { RuntimeRecord } from '../../firmware/attestation/runtime-log.ts';
import { TpmIdentityKey } from '../../firmware/boot/identity/tpm-key.ts';
import { RuntimeMeasurements } from '../../firmware/boot/runtime-measurements.ts';
import { readTpmStatus } from '../../firmware/boot/tpm-status.ts';
import { signerOf } from '../../firmware/system/identity-system.ts';
import { tpmCryptography } from '../../firmware/system/tpm-cryptography.ts';
import { openVerifierPorts, readReleaseKey } from '../../firmware/system/verifier.ts';
import { Tpm } from '../../firmware/tpm/client.ts';
import { quote } from '../../firmware/tpm/commands/attestation.ts';
import { algorithm, ownHandle } from '../../firmware/tpm/constants.ts';
import { encodeCommand } from '../../firmware/tpm/frame.ts';
import { isHostKey } from '../../firmware/tpm/host-key.ts';
import { readPcrs } from '../../firmware/tpm/pcrs.ts';
import { findPersistentKey } from '../../firmware/tpm/persistent-key.ts';
import { pcrStep, policyDigest } from '../../firmware/tpm/policy-digest.ts';
import { quotePcrs } from '../../firmware/tpm/quoted-pcrs.ts';
import { releaseKeyArea } from '../../firmware/tpm/release-key.ts';
import {
  bootInto,
  logOf,
  reference,
  releasedBoot,
  releasePem,
  runtimeLogOf,
  runtimeMeasurements,
  signRelease,
} from '../attestation/attested-box.ts';
import { enrolledBox } from '../boot/identity/box.ts';
import { exchange, Host } from '../hip/two-hosts.ts';
import { manufacture } from '../tpm/manufacture.ts';
import { succeeded } from '../tpm/outcome.ts';
import { type Swtpm, startSwtpm } from '../tpm/swtpm.ts';
import { type Figure, median } from './figures.ts';
import type { Bench } from './main.ts';

const warmUps = 20;
const rounds = 200;
const appraisals = 400;
const turns = 10;
const exchanges = 100;
const starts = 20;
const pauseMs = 10;

/** As many PCRs as firmware, loader and kernel measure into. */
const twelvePcrs = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

const wait = async () => {};
const random = () => tpmCryptography.random(32);

/** Processor time of this process in milliseconds, all threads. */
function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

async function timed(count: number, work: () => Promise<unknown>): Promise<number[]> {
  for (let index = 0; index < warmUps; index++) await work();
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return times;
}

/** The host identity of a booted box as the overlay uses it: a key in its TPM under the release's policy. */
async function identityIn(swtpm: Swtpm) {
  const opened = await swtpm.open();
  const tpm = new Tpm({ transmit: opened.transmit, wait });
  await bootInto(tpm);
  const found = succeeded(await findPersistentKey(tpm, ownHandle.hostKey));
  const { releaseKeyName } = reference();
  const publicArea = found?.publicArea;
  if (
    found === undefined ||
    publicArea === undefined ||
    !isHostKey(publicArea, tpmCryptography, releaseKeyName)
  )
    throw new Error('the box has no host identity');
  const selections = [{ hash: algorithm.sha256, indexes: [11, 12] }];
  const { pcrs } = succeeded(await readPcrs(tpm, 'sha256', [11, 12]));
  const values = pcrs.map((pcr) => pcr.digest);
  const policy = policyDigest(tpmCryptography, 'sha256', pcrStep(selections, values));
  const releaseKey = releaseKeyArea(readReleaseKey(releasePem).jwk);
  if (releaseKey === undefined) throw new Error('the release key is none for a TPM');
  const approved = {
    ...{ releaseKey, selections, policy },
    signature: { scheme: 'rsassa', hash: algorithm.sha256, signature: signRelease(policy) },
  } as const;
  const ports = {
    openTpm: () => swtpm.open(),
    cryptography: tpmCryptography,
    wait,
    now: () => performance.now(),
  };
  const key = new TpmIdentityKey(ports, { ...found, publicArea }, approved, opened);
  return { tpm, key, transmit: opened.transmit };
}

/** What the runtime does with the TPM at a start, in its order: measurements, identity with a trial signature, status. */
async function measureStarts(): Promise<number[]> {
  const { box } = await enrolledBox();
  await using _ = box;
  const openTpm = () => box.emulator.open();
  return await timed(starts, async () => {
    const records: RuntimeRecord[] = [];
    const log = { read: () => records, append: (record: RuntimeRecord) => void records.push(record) };
    const ports = { openTpm, cryptography: tpmCryptography, wait };
    const problem = await new RuntimeMeasurements({ ...ports, log }).measure(runtimeMeasurements);
    if (problem !== null) throw new Error(problem);
    await box.hit();
    const read = await readTpmStatus({
      ...ports,
      random: (octets) => tpmCryptography.random(octets),
      now: () => performance.now(),
    });
    if (read.state !== 'present') throw new Error(`the TPM is ${read.state}`);
  });
}

export const measureAttestation: Bench = async (progress) => {
  await using ours = await startSwtpm({ manufacture: manufacture() });
  await using theirs = await startSwtpm();
  const box = await identityIn(ours);
  const peer = await identityIn(theirs);

  progress(`${rounds} quotes, pieces of evidence and signatures by an emulated TPM`);
  const quotes = await timed(rounds, async () => {
    const asked = { bank: 'sha256', indexes: twelvePcrs } as const;
    succeeded(await quotePcrs(box.tpm, ownHandle.attestationKey, random(), asked, tpmCryptography));
  });
  const selections = [{ hash: algorithm.sha256, indexes: twelvePcrs }];
  const { bytes } = encodeCommand(quote(ownHandle.attestationKey, random(), selections));
  const commands = await timed(rounds, () => box.transmit(bytes));
  const endorsements = succeeded(await readEndorsements(box.tpm));
  const sources = {
    ...{ cryptography: tpmCryptography, endorsements, wait: async () => {} },
    bootLog: () => logOf(releasedBoot),
    runtimeLog: () => runtimeLogOf(runtimeMeasurements),
  };
  const collected = await timed(rounds, async () =>
    JSON.stringify(writeEvidence(succeeded(await collectEvidence(box.tpm, random(), sources)))),
  );
  const signatures = await timed(rounds, () => box.key.sign(random()));

  progress(`${appraisals} appraisals`);
  const nonce = random();
  const document = JSON.stringify(writeEvidence(succeeded(await collectEvidence(box.tpm, nonce, sources))));
  const policy = {
    ...{ nonce, challenge: 'open' as const, reference: reference(), previous: null },
    ...{ activation: null, anyTpm: true },
  } as const;
  const ports = openVerifierPorts([], Date.now());
  const once = () => {
    const verdict = appraise(JSON.parse(document), policy, ports);
    if (verdict.findings.length > 0) throw new Error(verdict.findings[0]?.problem);
  };
  for (let count = 0; count < warmUps; count++) once();
  // By processor time: what else the machine does is none of it.
  const perSecond = Array.from({ length: turns }, () => {
    const start = processorMs();
    for (let count = 0; count < appraisals / turns; count++) once();
    return (1000 * appraisals) / turns / (processorMs() - start);
  });

  progress(`${starts} starts`);
  const started = await measureStarts();

  progress(`${exchanges} base exchanges between two such boxes`);
  const [initiator, responder] = [
    new Host(signerOf(box.key), '192.0.2.1'),
    new Host(signerOf(peer.key), '192.0.2.2', { firstSpi: 0x8000 }),
  ];
  initiator.meet(responder);
  responder.meet(initiator);
  await responder.prepareR1s();
  let now = 0;
  const exchanged: number[] = [];
  for (let count = 0; count < warmUps + exchanges; count++) {
    initiator.step({ type: 'abandon' });
    responder.step({ type: 'abandon' });
    const start = performance.now();
    await exchange(initiator, responder, now);
    if (initiator.state.name !== 'ESTABLISHED') throw new Error(`not established: ${initiator.state.name}`);
    if (count >= warmUps) exchanged.push(performance.now() - start);
    const drafts = responder.responder.draftMissing(now);
    drafts?.finish(await Promise.all(drafts.messages.map((message) => peer.key.sign(message))));
    now += pauseMs;
  }
  await box.key.close();
  await peer.key.close();

  const figure = (name: string, samples: readonly number[], more: Partial<Figure> = {}): Figure => ({
    ...{ name, value: median(samples), unit: 'ms', better: 'lower', target: null, against: null, samples },
    ...more,
  });
  return {
    accelerator: 'none',
    figures: [
      figure('quote-client-p50-ms', quotes, { target: 1, against: 'swtpm, 12 PCRs read and quoted' }),
      figure('quote-command-p50-ms', commands, { against: 'the TPM alone: TPM2_Quote, octets to octets' }),
      figure('evidence-p50-ms', collected, { against: 'swtpm: quote, certified identity, JSON document' }),
      figure('tpm-sign-p50-ms', signatures, { against: 'swtpm, policy fulfilled ahead' }),
      figure('boot-tpm-p50-ms', started, {
        against: 'swtpm: what a start does with the TPM, from measurements to status',
      }),
      figure('base-exchange-tpm-key-p50-ms', exchanged, { against: 'two swtpm, both ends in this process' }),
      figure('appraisals-per-second-per-core', perSecond, {
        unit: '1/s',
        better: 'higher',
        against: 'JSON to verdict, by processor time',
      }),
    ],
  };
};
