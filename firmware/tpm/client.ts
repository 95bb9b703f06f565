import { decode } from '../bytes/decode.ts';
import { Reader } from '../bytes/reader.ts';
import { malformed, refused, TpmError, type TpmResult } from './error.ts';
import { type Command, type EncodedCommand, encodeCommand } from './frame.ts';
import { limits } from './limits.ts';
import { isRetryable } from './response-code.ts';

/**
 * Carries one command to one TPM and resolves with the whole response; rejects where the device fails or does not answer
 * in time. It takes one command at a time: a second call waits for the first.
 */
export type Transmit = (command: Uint8Array) => Promise<Uint8Array>;

export type TpmPorts = {
  readonly transmit: Transmit;
  readonly wait: (milliseconds: number) => Promise<void>;
};

/** A TPM 2.0 behind one transport. It never turns to another device than the one it was given. */
export class Tpm {
  readonly #ports: TpmPorts;

  constructor(ports: TpmPorts) {
    this.#ports = ports;
  }

  /**
   * Sends a command, again with growing waits while the TPM asks for that, and reads its response. Whatever the device
   * does is a returned result; only a command that cannot be written at all throws (`RangeError`, a defect).
   */
  async execute<Value>(command: Command<Value>): Promise<TpmResult<Value>> {
    const encoded = encodeCommand(command);
    for (let retries = 0; ; retries++) {
      const result = await this.#transmit(command.name, encoded);
      if (result.ok) return result;
      const { responseCode } = result.error;
      if (responseCode === undefined || !isRetryable(responseCode)) return result;
      if (retries === limits.retries) {
        const problem = `the TPM was busy ${retries + 1} times, last with ${responseCode.name}`;
        return { ok: false, error: new TpmError('BUSY', command.name, problem, { responseCode }) };
      }
      await this.#ports.wait(limits.firstRetryWait * 2 ** retries);
    }
  }

  async #transmit<Value>(
    name: string,
    { bytes, readResponse }: EncodedCommand<Value>,
  ): Promise<TpmResult<Value>> {
    let response: Uint8Array;
    try {
      response = await this.#ports.transmit(bytes);
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : 'the transport failed';
      return { ok: false, error: new TpmError('TRANSPORT', name, problem, { cause }) };
    }
    const decoded = decode(() => readResponse(new Reader(response)));
    if (!decoded.ok) return { ok: false, error: malformed(name, decoded.error) };
    const answer = decoded.value;
    switch (answer.state) {
      case 'value':
        return { ok: true, value: answer.value };
      case 'refused':
        return { ok: false, error: refused(name, answer.code) };
      case 'untrusted':
        return { ok: false, error: new TpmError('UNTRUSTED', name, answer.problem) };
    }
  }
}
