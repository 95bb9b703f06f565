import { fromHex, toHex } from '../../bytes/bytes.ts';
import { findAttestationKey, withAttestationKey } from '../../tpm/attestation-key.ts';
import type { ApprovedPolicy } from '../../tpm/authorized-signer.ts';
import { Tpm } from '../../tpm/client.ts';
import { hierarchy, ownHandle } from '../../tpm/constants.ts';
import type { TpmResult } from '../../tpm/error.ts';
import { type HostKeyArea, hostKeyTemplate, isHostKey } from '../../tpm/host-key.ts';
import { limits } from '../../tpm/limits.ts';
import { objectName } from '../../tpm/object-name.ts';
import { readPcrs } from '../../tpm/pcrs.ts';
import { findPersistentKey, keepKey, type PersistentKey, withPrimaryKey } from '../../tpm/persistent-key.ts';
import type { IdentityPorts, OpenTpm } from './ports.ts';
import { type IdentityProblem, identityProblems } from './problem.ts';
import type { TpmIdentityRecord } from './record.ts';
import { fulfilledPolicy, type ReleasePolicies } from './release-policy.ts';
import { TpmIdentityKey } from './tpm-key.ts';

/** The identity's key in the TPM, tried out, or why there is none. */
export type TpmIdentityResult =
  | { readonly ok: true; readonly key: TpmIdentityKey; readonly record: Omit<TpmIdentityRecord, 'hit'> }
  | { readonly ok: false; readonly problem: IdentityProblem };

type HostKey = PersistentKey & { readonly publicArea: HostKeyArea };

/** What was signed to see that the key signs; it means nothing to anybody. */
const trialMessage = new TextEncoder().encode('Hithe tries its identity out');

/** Works on the identity in one TPM. */
export class TpmIdentity {
  readonly #ports: IdentityPorts;
  readonly #opened: OpenTpm;
  readonly #tpm: Tpm;
  readonly #policies: ReleasePolicies;

  /** A key that is found or made takes the open TPM over. */
  constructor(ports: IdentityPorts, opened: OpenTpm, policies: ReleasePolicies) {
    this.#ports = ports;
    this.#opened = opened;
    this.#tpm = new Tpm({
      transmit: opened.transmit,
      wait: (milliseconds) => ports.wait(milliseconds),
    });
    this.#policies = policies;
  }

  /** Finds the key that the record tells of; where only its persistent copy is gone, derives it again. */
  async findRecorded(record: TpmIdentityRecord): Promise<TpmIdentityResult> {
    const { hit } = record;
    const mark = await this.#attestationKeyName(record.attestationKeyName);
    if (!mark.ok) return failed(identityProblems.tpmFailed(hit, mark.error));
    if (toHex(mark.value) !== record.attestationKeyName) return failed(identityProblems.tpmReplaced(hit));
    const found = await findPersistentKey(this.#tpm, ownHandle.hostKey);
    if (!found.ok) return failed(identityProblems.tpmFailed(hit, found.error));
    let key = found.value;
    if (key === undefined || toHex(key.name) !== record.keyName) {
      const restored = await this.#restore(record);
      if (!restored.ok) return failed(identityProblems.tpmFailed(hit, restored.error));
      key = restored.value;
    }
    if (key === undefined) return failed(identityProblems.tpmCleared(hit));
    return this.#tryOut(key, hit, record.unique);
  }

  /** A key of this release that an earlier state partition left in the TPM, or undefined where the handle is free. */
  async findLeft(): Promise<TpmIdentityResult | undefined> {
    const found = await findPersistentKey(this.#tpm, ownHandle.hostKey);
    if (!found.ok) return failed(identityProblems.tpmFailed(null, found.error));
    if (found.value === undefined) return undefined;
    return this.#tryOut(found.value, null, null);
  }

  /** Makes a key and keeps it in the TPM, in the place of the one that is there. */
  async make(replaced: string | null): Promise<TpmIdentityResult> {
    const name = this.#releaseKeyName();
    if (name === undefined) return failed(identityProblems.imageNotReleased(replaced, this.#noPolicy()));
    // Before the key that is there goes: an image that may not use the new one must not cost the box the old one.
    const approved = await this.#approved(replaced);
    if ('code' in approved) return failed(approved);
    const unique = this.#ports.cryptography.random(limits.hostKeyUnique);
    const template = hostKeyTemplate(this.#ports.cryptography, name, unique);
    const made = await withPrimaryKey(this.#tpm, hierarchy.owner, template, (key) =>
      keepKey(this.#tpm, key, ownHandle.hostKey),
    );
    if (!made.ok) return failed(identityProblems.tpmFailed(replaced, made.error));
    return this.#tryOut(made.value, replaced, toHex(unique));
  }

  /**
   * The name of this TPM's attestation key. It is kept in the TPM on the way, unless it is another than the `expected`
   * one: a TPM that is not the box's own is left as it is.
   */
  async #attestationKeyName(expected?: string): Promise<TpmResult<Uint8Array>> {
    const found = await findAttestationKey(this.#tpm);
    if (!found.ok) return found;
    const there = found.value;
    if (there !== undefined && (expected ?? toHex(there.name)) === toHex(there.name))
      return { ok: true, value: there.name };
    // Anybody with the owner's password could have put another key there: the TPM's seed tells.
    return withAttestationKey(this.#tpm, async (key) => {
      if (expected !== undefined && toHex(key.name) !== expected) return { ok: true, value: key.name };
      const kept = await keepKey(this.#tpm, key, ownHandle.attestationKey);
      return kept.ok ? { ok: true, value: kept.value.name } : kept;
    });
  }

  async #restore({ unique, keyName }: TpmIdentityRecord): Promise<TpmResult<PersistentKey | undefined>> {
    const octets = unique === null ? undefined : fromHex(unique);
    const releaseKey = this.#releaseKeyName();
    if (octets?.length !== limits.hostKeyUnique || releaseKey === undefined)
      return { ok: true, value: undefined };
    const template = hostKeyTemplate(this.#ports.cryptography, releaseKey, octets);
    return withPrimaryKey<PersistentKey | undefined>(this.#tpm, hierarchy.owner, template, async (key) =>
      toHex(key.name) === keyName
        ? keepKey(this.#tpm, key, ownHandle.hostKey)
        : { ok: true, value: undefined },
    );
  }

  /** Lets the key sign once: only that shows that this image may use it. */
  async #tryOut(key: PersistentKey, hit: string | null, unique: string | null): Promise<TpmIdentityResult> {
    const approved = await this.#approved(hit);
    if ('code' in approved) return failed(approved);
    if (!this.#isOwn(key, approved)) {
      return failed(
        isShapedAsHostKey(key)
          ? identityProblems.releaseKeyChanged(hit)
          : identityProblems.tpmKeyForeign(hit),
      );
    }
    const mark = await this.#attestationKeyName();
    if (!mark.ok) return failed(identityProblems.tpmFailed(hit, mark.error));
    const identityKey = new TpmIdentityKey(this.#ports, key, approved, this.#opened);
    const signed = await identityKey.trySign(trialMessage);
    if (signed.ok) {
      const names = { keyName: toHex(key.name), attestationKeyName: toHex(mark.value), unique };
      return { ok: true, key: identityKey, record: { version: 1, keyStorage: 'tpm', ...names } };
    }
    await identityKey.close();
    const { command, code } = signed.error;
    if (code === 'REFUSED' && command === 'TPM2_VerifySignature')
      return failed(identityProblems.imageNotReleased(hit, 'the release key did not sign the PCR policy'));
    if (code === 'REFUSED' && command === 'TPM2_PolicyAuthorize')
      return failed(identityProblems.imageNotReleased(hit, 'what booted is not what the release key signed'));
    return failed(identityProblems.tpmFailed(hit, signed.error));
  }

  #isOwn(key: PersistentKey, { releaseKey }: ApprovedPolicy): key is HostKey {
    const name = objectName(this.#ports.cryptography, releaseKey);
    return name !== undefined && isHostKey(key.publicArea, this.#ports.cryptography, name);
  }

  /** The policy that this boot fulfils, or why there is none. */
  async #approved(hit: string | null): Promise<ApprovedPolicy | IdentityProblem> {
    if (this.#policies.state === 'none') return identityProblems.imageNotReleased(hit, this.#noPolicy());
    const { policies } = this.#policies;
    const indexes = policies.flatMap(({ selections }) =>
      selections.flatMap((selection) => selection.indexes),
    );
    const read = await readPcrs(this.#tpm, 'sha256', indexes);
    if (!read.ok) return identityProblems.tpmFailed(hit, read.error);
    const values = new Map(read.value.pcrs.map(({ index, digest }) => [index, digest]));
    const approved = fulfilledPolicy(policies, values, this.#ports.cryptography);
    if (approved !== undefined) return approved;
    const shown = read.value.pcrs.map(({ index, digest }) => `PCR ${index} is ${toHex(digest)}`).join(', ');
    return identityProblems.imageNotReleased(
      hit,
      `what booted is not what the release key signed (${shown})`,
    );
  }

  #releaseKeyName(): Uint8Array | undefined {
    if (this.#policies.state === 'none') return undefined;
    return objectName(this.#ports.cryptography, this.#policies.policies[0].releaseKey);
  }

  #noPolicy(): string {
    return this.#policies.state === 'none' ? this.#policies.reason : 'the release key has no name';
  }
}

function failed(problem: IdentityProblem): TpmIdentityResult {
  return { ok: false, problem };
}

/** As `hostKeyTemplate` makes them, for whichever release key. */
function isShapedAsHostKey({ publicArea }: PersistentKey): boolean {
  const { attributes } = hostKeyTemplate(
    { digest: () => new Uint8Array() },
    new Uint8Array(),
    new Uint8Array(limits.hostKeyUnique),
  );
  return publicArea.attributes === attributes;
}
