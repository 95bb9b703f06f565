import { concatBytes } from '../../bytes/bytes.ts';
import { type ApprovedPolicy, AuthorizedSigner } from '../../tpm/authorized-signer.ts';
import { Tpm } from '../../tpm/client.ts';
import { TpmError, type TpmResult } from '../../tpm/error.ts';
import type { HostKeyArea } from '../../tpm/host-key.ts';
import type { Signature } from '../../tpm/signature.ts';
import type { IdentityKey, IdentityPorts, OpenTpm } from './ports.ts';
import { SigningTimes } from './signing-times.ts';

/** Octets of a P-256 coordinate, and of r and s. */
const p256Length = 32;

/**
 * The host identity's key in the TPM. The TPM's own hash says nothing here: the message is hashed by SHA-384 and the key
 * signs that (HIT suite 2 with P-256). A connection that broke is opened anew for the next signature.
 */
export class TpmIdentityKey implements IdentityKey {
  readonly x: Uint8Array;
  readonly y: Uint8Array;
  readonly times = new SigningTimes();
  readonly #ports: Pick<IdentityPorts, 'openTpm' | 'cryptography' | 'wait' | 'now'>;
  readonly #key: { readonly handle: number; readonly name: Uint8Array };
  readonly #approved: ApprovedPolicy;
  #connection: { readonly signer: AuthorizedSigner; readonly close: () => Promise<void> } | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** Takes over the open TPM that the key was found in. */
  constructor(
    ports: Pick<IdentityPorts, 'openTpm' | 'cryptography' | 'wait' | 'now'>,
    key: { readonly handle: number; readonly name: Uint8Array; readonly publicArea: HostKeyArea },
    approved: ApprovedPolicy,
    opened: OpenTpm,
  ) {
    const { x, y } = key.publicArea.key;
    const [fullX, fullY] = [padded(x), padded(y)];
    if (fullX === undefined || fullY === undefined) throw new RangeError('not a P-256 key');
    this.x = fullX;
    this.y = fullY;
    this.#ports = ports;
    this.#key = key;
    this.#approved = approved;
    this.#use(opened);
  }

  async sign(message: Uint8Array): Promise<Uint8Array> {
    const signed = await this.trySign(message);
    if (!signed.ok) throw signed.error;
    return signed.value;
  }

  /** As `sign`, with the TPM's refusal as a result. One signature at a time: the TPM could not do more. */
  trySign(message: Uint8Array): Promise<TpmResult<Uint8Array>> {
    const signed = this.#last.then(() => this.#signInTurn(message));
    this.#last = signed.catch(() => undefined);
    return signed;
  }

  /** Flushes what the signatures needed and gives the TPM back. */
  async close(): Promise<void> {
    await this.#last;
    await this.#connection?.signer.close();
    await this.#disconnect();
  }

  async #signInTurn(message: Uint8Array): Promise<TpmResult<Uint8Array>> {
    const start = this.#ports.now();
    const signer = await this.#connect();
    if (!signer.ok) return signer;
    const digest = this.#ports.cryptography.digest('sha384', message);
    const signed = await signer.value.sign(digest, 'sha384');
    if (!signed.ok) {
      if (signed.error.code === 'TRANSPORT') await this.#disconnect();
      return signed;
    }
    const octets = octetsOf(signed.value);
    if (octets === undefined)
      return { ok: false, error: new TpmError('MALFORMED', 'TPM2_Sign', 'this is no P-256 signature') };
    this.times.add(this.#ports.now() - start);
    return { ok: true, value: octets };
  }

  async #connect(): Promise<TpmResult<AuthorizedSigner>> {
    if (this.#connection !== undefined) return { ok: true, value: this.#connection.signer };
    const opened = await this.#ports.openTpm();
    if (opened.state !== 'open')
      return { ok: false, error: new TpmError('TRANSPORT', 'TPM2_Sign', opened.reason) };
    return { ok: true, value: this.#use(opened) };
  }

  #use({ transmit, close }: OpenTpm): AuthorizedSigner {
    const tpm = new Tpm({ transmit, wait: (milliseconds) => this.#ports.wait(milliseconds) });
    const signer = new AuthorizedSigner(tpm, this.#ports.cryptography, this.#key, this.#approved);
    this.#connection = { signer, close };
    return signer;
  }

  async #disconnect(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.close().catch(() => undefined);
  }
}

/** r ‖ s, or undefined for what is no signature of a P-256 key. */
function octetsOf(signature: Signature): Uint8Array | undefined {
  if (signature.scheme !== 'ecdsa') return undefined;
  const [r, s] = [padded(signature.r), padded(signature.s)];
  return r === undefined || s === undefined ? undefined : concatBytes(r, s);
}

/** A TPM may leave out leading zeros of a number. */
function padded(value: Uint8Array): Uint8Array | undefined {
  if (value.length > p256Length) return undefined;
  const octets = new Uint8Array(p256Length);
  octets.set(value, p256Length - value.length);
  return octets;
}
