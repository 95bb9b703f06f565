import { authorizeBy } from './authorization.ts';
import type { Tpm } from './client.ts';
import { flushContext, loadExternal } from './commands/keys.ts';
import { policyAuthorize, policyPcr } from './commands/policy.ts';
import { sign, verifySignature } from './commands/signing.ts';
import type { HashName } from './constants.ts';
import type { TpmCryptography } from './crypto-port.ts';
import type { TpmResult } from './error.ts';
import type { NamedHandle } from './frame.ts';
import { objectName } from './object-name.ts';
import type { PcrSelection } from './pcr-selection.ts';
import { approvalDigest } from './policy-digest.ts';
import type { PublicArea } from './public-area.ts';
import { endSession, type Session, startSession } from './session.ts';
import type { Signature } from './signature.ts';
import type { Ticket } from './ticket.ts';

/** A PCR policy that the holder of `releaseKey` approved: the digest of PolicyPCR over `selections`, and the signature over it. */
export type ApprovedPolicy = {
  readonly releaseKey: PublicArea;
  readonly selections: readonly PcrSelection[];
  readonly policy: Uint8Array;
  readonly signature: Signature;
};

/**
 * Signs with a key that wants an approved policy. One session serves all signatures: a policy session is as new after
 * each use (Part 1, section 19.6.14). So does one ticket, which the TPM gives for the approval's signature. The policy is
 * fulfilled ahead of the next signature, which then takes a single command; that a PCR changed since, the TPM notices by
 * itself (section 19.7.7.6). Callers wait for each other.
 */
export class AuthorizedSigner {
  readonly #tpm: Tpm;
  readonly #cryptography: TpmCryptography;
  readonly #key: NamedHandle;
  readonly #approved: ApprovedPolicy;
  #session: Session | undefined;
  /** True where the session has fulfilled the policy and was not used since. */
  #fulfilled = false;
  #ticket: Ticket | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(tpm: Tpm, cryptography: TpmCryptography, key: NamedHandle, approved: ApprovedPolicy) {
    this.#tpm = tpm;
    this.#cryptography = cryptography;
    this.#key = key;
    this.#approved = approved;
  }

  /**
   * ECDSA over a digest by the named hash. What refuses is named by the error's command: `TPM2_VerifySignature` where the
   * release key did not approve the policy, `TPM2_PolicyAuthorize` where the PCRs are not the approved ones, `TPM2_Sign`
   * where the key was made for another release key.
   */
  sign(digest: Uint8Array, hash: HashName): Promise<TpmResult<Signature>> {
    const signed = this.#last.then(() => this.#signInTurn(digest, hash));
    this.#last = signed
      .then((result) => (result.ok ? this.#prepareNext() : undefined))
      .catch(() => undefined);
    return signed;
  }

  /** Flushes the session; to be called when no signature is under way. */
  async close(): Promise<TpmResult<undefined>> {
    await this.#last;
    return this.#forgetSession();
  }

  async #signInTurn(digest: Uint8Array, hash: HashName): Promise<TpmResult<Signature>> {
    const reused = this.#session !== undefined;
    const signed = await this.#signOnce(digest, hash);
    // A session that was left alone may have been lost on the way (a suspended TPM, a gap of contexts): once more, anew.
    if (signed.ok || !reused || signed.error.code !== 'REFUSED') return signed;
    return this.#signOnce(digest, hash);
  }

  async #signOnce(digest: Uint8Array, hash: HashName): Promise<TpmResult<Signature>> {
    const signed = await this.#attempt(digest, hash);
    if (!signed.ok) {
      // What the session has reached is not known any more. Its own failure to go does not matter beside the first one.
      await this.#forgetSession();
      this.#ticket = undefined;
    }
    return signed;
  }

  async #attempt(digest: Uint8Array, hash: HashName): Promise<TpmResult<Signature>> {
    const session = await this.#fulfil();
    if (!session.ok) return session;
    this.#fulfilled = false;
    return this.#tpm.execute(sign(this.#key, digest, { scheme: 'ecdsa', hash }, authorizeBy(session.value)));
  }

  /** A failure here is no one's yet: the next signature meets it, and tells. */
  async #prepareNext(): Promise<void> {
    const prepared = await this.#fulfil();
    if (!prepared.ok) await this.#forgetSession();
  }

  async #fulfil(): Promise<TpmResult<Session>> {
    const ticket = await this.#ticketOfApproval();
    if (!ticket.ok) return ticket;
    const session = await this.#openSession();
    if (!session.ok || this.#fulfilled) return session;
    const { handle } = session.value;
    const { releaseKey, selections, policy } = this.#approved;
    const pcrs = await this.#tpm.execute(policyPcr(handle, selections));
    if (!pcrs.ok) return pcrs;
    const authorization = {
      approvedPolicy: policy,
      reference: new Uint8Array(),
      signer: objectName(this.#cryptography, releaseKey) ?? new Uint8Array(),
      ticket: ticket.value,
    };
    const authorized = await this.#tpm.execute(policyAuthorize(handle, authorization));
    if (!authorized.ok) return authorized;
    this.#fulfilled = true;
    return session;
  }

  async #ticketOfApproval(): Promise<TpmResult<Ticket>> {
    if (this.#ticket !== undefined) return { ok: true, value: this.#ticket };
    const { releaseKey, policy, signature } = this.#approved;
    const loaded = await this.#tpm.execute(loadExternal(releaseKey));
    if (!loaded.ok) return loaded;
    const digest = approvalDigest(this.#cryptography, 'sha256', policy);
    const verified = await this.#tpm.execute(verifySignature(loaded.value.handle, digest, signature));
    const flushed = await this.#tpm.execute(flushContext(loaded.value.handle));
    if (!verified.ok) return verified;
    if (!flushed.ok) return flushed;
    this.#ticket = verified.value;
    return verified;
  }

  async #openSession(): Promise<TpmResult<Session>> {
    if (this.#session !== undefined) return { ok: true, value: this.#session };
    const started = await startSession(this.#tpm, this.#cryptography, { kind: 'policy' });
    if (started.ok) this.#session = started.value;
    return started;
  }

  async #forgetSession(): Promise<TpmResult<undefined>> {
    const session = this.#session;
    this.#session = undefined;
    this.#fulfilled = false;
    return session === undefined ? { ok: true, value: undefined } : endSession(this.#tpm, session);
  }
}
