import type { Result } from '../bytes/decode.ts';
import type { Reader } from '../bytes/reader.ts';
import { Writer } from '../bytes/writer.ts';
import { passwordSessionHandle, structureTag } from './constants.ts';
import { limits } from './limits.ts';
import { readSized, writeSized } from './sized.ts';

/** TPMA_SESSION (Part 2, section 8.4): the one bit that a password authorization carries. */
const continueSession = 0x01;

/** An authorization of a command by a plain password (Part 1, section 19.4); most keys here have an empty one. */
export type PasswordSession = { readonly password: Uint8Array };

export const emptyPassword: PasswordSession = { password: new Uint8Array() };

/** A command of Part 3 as data: how it is written, and how its response is read. */
export type Command<Response> = {
  /** As the specification writes it; errors carry it. */
  readonly name: string;
  readonly code: number;
  readonly handles: readonly number[];
  readonly sessions: readonly PasswordSession[];
  readonly parameters: Uint8Array;
  /** True where the response carries a handle before its parameters. */
  readonly answersHandle: boolean;
  /** Reads the response's parameters, all of them. `handle` is 0 where the response carries none. */
  readonly read: (parameters: Reader, handle: number) => Response;
};

/** Part 1, section 18: tag, size, code, handles, authorization area, parameters. */
export function encodeCommand({ code, handles, sessions, parameters }: Command<unknown>): Uint8Array {
  const body = new Writer();
  for (const handle of handles) body.u32(handle);
  if (sessions.length > 0) {
    const area = new Writer();
    for (const { password } of sessions) {
      if (password.length > limits.authSize) throw new RangeError(`a password of ${password.length} octets`);
      const noNonce = new Uint8Array();
      // TPMS_AUTH_COMMAND, Part 2, section 10.13.2.
      writeSized(writeSized(area.u32(passwordSessionHandle), noNonce).u8(continueSession), password);
    }
    body.u32(area.length).bytes(area.finish());
  }
  body.bytes(parameters);
  const size = limits.headerSize + body.length;
  if (size > limits.frameSize)
    throw new RangeError(`a command of ${size} octets, at most ${limits.frameSize} are sent`);
  const tag = sessions.length > 0 ? structureTag.sessions : structureTag.noSessions;
  return new Writer(size).u16(tag).u32(size).u32(code).bytes(body.finish()).finish();
}

/**
 * Reads a whole response, Part 1, section 18: its parameters, or the response code of a refusal. What follows the header
 * of a refusal means nothing and is not read.
 */
export function readResponse<Value>(reader: Reader, command: Command<Value>): Result<Value, number> {
  const length = reader.remaining;
  if (length > limits.frameSize)
    reader.fail(`${length} octets, at most ${limits.frameSize} are taken`, 'responseSize');
  const tag = reader.u16('tag');
  const size = reader.u32('responseSize');
  if (size !== length) reader.fail(`says ${size} octets, ${length} came`, 'responseSize', 2);
  const responseCode = reader.u32('responseCode');
  if (responseCode !== 0) return { ok: false, error: responseCode };
  const expected = command.sessions.length > 0 ? structureTag.sessions : structureTag.noSessions;
  if (tag !== expected) reader.fail(`0x${tag.toString(16)}, expected 0x${expected.toString(16)}`, 'tag', 0);
  const handle = command.answersHandle ? reader.u32('responseHandle') : 0;
  const parameters = reader.sub(
    command.sessions.length > 0 ? reader.u32('parameterSize') : reader.remaining,
    'parameters',
  );
  const value = command.read(parameters, handle);
  parameters.end();
  for (const session of command.sessions.keys()) readPasswordAnswer(reader, `sessions[${session}]`);
  reader.end();
  return { ok: true, value };
}

/** TPMS_AUTH_RESPONSE of a password session: an empty nonce, the same attribute, an empty HMAC (Part 1, section 19.4). */
function readPasswordAnswer(reader: Reader, field: string): void {
  readSized(reader, 0, `${field}.nonce`);
  const attributes = reader.u8(`${field}.sessionAttributes`);
  if (attributes !== continueSession) {
    reader.fail(
      `0x${attributes.toString(16)}, expected 0x01`,
      `${field}.sessionAttributes`,
      reader.offset - 1,
    );
  }
  readSized(reader, 0, `${field}.hmac`);
}
