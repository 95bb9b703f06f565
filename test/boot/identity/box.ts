import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type OpenedIdentity,
  openIdentity,
  replaceIdentity,
} from '../../../firmware/boot/identity/identity.ts';
import type { TpmAccess } from '../../../firmware/boot/tpm-status.ts';
import { openIdentityPorts } from '../../../firmware/system/identity-system.ts';
import { tpmCryptography } from '../../../firmware/system/tpm-cryptography.ts';
import type { Tpm } from '../../../firmware/tpm/client.ts';
import { getHandles } from '../../../firmware/tpm/commands/capability.ts';
import { pcrExtend } from '../../../firmware/tpm/commands/pcr.ts';
import { algorithm, firstHandle } from '../../../firmware/tpm/constants.ts';
import { readPcrs } from '../../../firmware/tpm/pcrs.ts';
import { pcrStep, policyDigest } from '../../../firmware/tpm/policy-digest.ts';
import { succeeded } from '../../tpm/outcome.ts';
import { type Swtpm, startSwtpm } from '../../tpm/swtpm.ts';

/** Who signs releases. */
export type Release = { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
export const newRelease = (): Release => generateKeyPairSync('rsa', { modulusLength: 2048 });

const pcrs = [11, 12];

/** A box's state partition and what its loader hands on, with a TPM that can be another one at the next start. */
export class Box implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'hithe-identity-'));
  readonly secretsFolder = join(this.folder, 'secrets');
  tpm: Swtpm | TpmAccess;
  software: 'allowed' | 'refused' = 'refused';
  developmentImage = false;
  readonly #opened: OpenedIdentity[] = [];
  readonly #tpms: Swtpm[] = [];

  private constructor(tpm: Swtpm) {
    this.tpm = tpm;
    this.#tpms.push(tpm);
  }

  static async start(): Promise<Box> {
    return new Box(await startSwtpm());
  }

  /** Another TPM is in the box from now on. */
  async swapTpm(): Promise<void> {
    const other = await startSwtpm();
    this.#tpms.push(other);
    this.tpm = other;
  }

  /** The TPM as an emulator, for tools and for a client of the test's own. No identity may be open. */
  get emulator(): Swtpm {
    if (!('use' in this.tpm)) throw new Error('this box has no TPM');
    return this.tpm;
  }

  /** Measures an image into PCR 11, as the EFI stub does, over what was measured before. */
  async boot(image: string): Promise<void> {
    const digest = tpmCryptography.digest('sha256', new TextEncoder().encode(image));
    await this.emulator.use(async (tpm) =>
      succeeded(await tpm.execute(pcrExtend(11, [{ hash: algorithm.sha256, digest }]))),
    );
  }

  /** Puts a policy beside the image that `release` signs for the PCRs as they are now. */
  async signPolicy({ privateKey, publicKey }: Release): Promise<void> {
    const values = await this.emulator.use(async (tpm) =>
      succeeded(await readPcrs(tpm, 'sha256', pcrs)).pcrs.map(({ digest }) => digest),
    );
    const selections = [{ hash: algorithm.sha256, indexes: pcrs }];
    const policy = policyDigest(tpmCryptography, 'sha256', pcrStep(selections, values));
    const der = publicKey.export({ type: 'pkcs1', format: 'der' });
    const entry = {
      pcrs,
      pkfp: createHash('sha256').update(der).digest('hex'),
      pol: Buffer.from(policy).toString('hex'),
      sig: sign('sha256', policy, privateKey).toString('base64'),
    };
    this.handOn(JSON.stringify({ sha256: [entry] }), publicKey);
  }

  handOn(policies: string, publicKey: KeyObject): void {
    writeFileSync(join(this.folder, 'tpm2-pcr-signature.json'), policies);
    const pem = publicKey.export({ type: 'spki', format: 'pem' });
    writeFileSync(join(this.folder, 'tpm2-pcr-public-key.pem'), pem);
  }

  /** No image of a release: nothing was handed on. */
  handNothingOn(): void {
    for (const name of ['tpm2-pcr-signature.json', 'tpm2-pcr-public-key.pem'])
      rmSync(join(this.folder, name), { force: true });
  }

  /** Opens the identity as a start does. */
  open(): Promise<OpenedIdentity> {
    return this.#keep(openIdentity(this.#ports(), { software: this.software }));
  }

  replace(): Promise<OpenedIdentity> {
    return this.#keep(replaceIdentity(this.#ports(), { software: this.software }));
  }

  /** Opens, closes again, and gives the HIT; throws the problem's code where there is none. */
  async hit(): Promise<string> {
    const opened = await this.open();
    if (!opened.ok) throw new Error(opened.problem.code);
    await opened.close();
    return opened.hit;
  }

  /** A raw client, while no identity is open. */
  use<Value>(job: (tpm: Tpm) => Promise<Value>): Promise<Value> {
    return this.emulator.use(job);
  }

  forgetState(): void {
    rmSync(this.secretsFolder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const opened of this.#opened) if (opened.ok) await opened.close();
    for (const tpm of this.#tpms) await tpm[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #ports() {
    return openIdentityPorts({
      openTpm: async () => ('use' in this.tpm ? this.tpm.open() : this.tpm),
      secretsFolder: this.secretsFolder,
      runFolder: this.folder,
      developmentImage: this.developmentImage,
    });
  }

  async #keep(opening: Promise<OpenedIdentity>): Promise<OpenedIdentity> {
    const opened = await opening;
    this.#opened.push(opened);
    return opened;
  }
}

export const release = newRelease();

export function usable(opened: OpenedIdentity): Extract<OpenedIdentity, { ok: true }> {
  if (!opened.ok) throw new Error(`${opened.problem.code}: ${opened.problem.message}`);
  return opened;
}
export const code = (opened: OpenedIdentity) => (opened.ok ? 'usable' : opened.problem.code);

/** A box that has booted a released image and made its identity. */
export async function enrolledBox(): Promise<{ box: Box; hit: string }> {
  const box = await Box.start();
  await box.boot('image 1');
  await box.signPolicy(release);
  return { box, hit: await box.hit() };
}

/** Persistent keys, and what is loaded: objects and sessions. */
export const inside = (box: Box) =>
  box.use(async (tpm) => {
    const of = async (first: number) => succeeded(await tpm.execute(getHandles(first, 16))).values;
    return {
      persistent: await of(firstHandle.persistent),
      loaded: [...(await of(firstHandle.transient)), ...(await of(firstHandle.loadedSession))],
    };
  });
