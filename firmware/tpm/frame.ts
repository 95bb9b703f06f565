import { Reader } from '../bytes/reader.ts';
import { Writer } from '../bytes/writer.ts';
import { type Authorization, isPassword, type SessionUse } from './authorization.ts';
import { passwordSessionHandle, sessionAttribute, structureTag } from './constants.ts';
import { limits } from './limits.ts';
import { type PreparedSessions, prepareSessions } from './session-frame.ts';
import { readSized, writeSized } from './sized.ts';

/** An entity with its name, which the HMAC of a session covers (Part 1, section 16). */
export type NamedHandle = { readonly handle: number; readonly name: Uint8Array };

/** A plain number is enough where no HMAC is computed, and for PCRs, hierarchies and sessions, whose name it is. */
export type Handle = number | NamedHandle;

/** A command of Part 3 as data: how it is written, and how its response is read. */
export type Command<Response> = {
  /** As the specification writes it; errors carry it. */
  readonly name: string;
  readonly code: number;
  readonly handles: readonly Handle[];
  /** Authorizations of the first handles, one each, in their order. */
  readonly sessions: readonly Authorization[];
  /** Sessions that authorize nothing: they protect parameters. */
  readonly protections?: readonly SessionUse[];
  readonly parameters: Uint8Array;
  /** True where the response carries a handle before its parameters. */
  readonly answersHandle: boolean;
  /** Reads the response's parameters, all of them. `handle` is 0 where the response carries none. */
  readonly read: (parameters: Reader, handle: number) => Response;
};

/** What a response comes to. */
export type Answer<Value> =
  | { readonly state: 'value'; readonly value: Value }
  | { readonly state: 'refused'; readonly code: number }
  | { readonly state: 'untrusted'; readonly problem: string };

/** A command as it goes to the TPM, with what is needed to understand the answer to exactly these octets. */
export type EncodedCommand<Value> = {
  readonly bytes: Uint8Array;
  /** Reads a whole response, Part 1, section 18. What follows the header of a refusal means nothing and is not read. */
  readonly readResponse: (reader: Reader) => Answer<Value>;
};

/** Adds a session that authorizes nothing and encrypts parameters, so that who listens on the bus learns nothing. */
export function protectedBy<Value>(command: Command<Value>, protection: SessionUse): Command<Value> {
  return { ...command, protections: [...(command.protections ?? []), protection] };
}

/** Part 1, section 18: tag, size, code, handles, authorization area, parameters. */
export function encodeCommand<Value>(command: Command<Value>): EncodedCommand<Value> {
  const all = [...command.sessions, ...(command.protections ?? [])];
  const prepared = prepareSessions(command);
  const parameters = prepared?.parameters ?? command.parameters;
  const body = new Writer();
  for (const handle of command.handles) body.u32(handleNumber(handle));
  if (all.length > 0) {
    const area = new Writer();
    for (const [index, authorization] of all.entries()) {
      if (isPassword(authorization)) writePassword(area, authorization.password);
      else area.bytes(prepared?.authorization(index) ?? new Uint8Array());
    }
    body.u32(area.length).bytes(area.finish());
  }
  body.bytes(parameters);
  const size = limits.headerSize + body.length;
  if (size > limits.frameSize)
    throw new RangeError(`a command of ${size} octets, at most ${limits.frameSize} are sent`);
  const tag = all.length > 0 ? structureTag.sessions : structureTag.noSessions;
  const bytes = new Writer(size).u16(tag).u32(size).u32(command.code).bytes(body.finish()).finish();
  return { bytes, readResponse: (reader) => readResponse(reader, command, all, prepared) };
}

function handleNumber(handle: Handle): number {
  return typeof handle === 'number' ? handle : handle.handle;
}

function readResponse<Value>(
  reader: Reader,
  command: Command<Value>,
  all: readonly Authorization[],
  prepared: PreparedSessions | undefined,
): Answer<Value> {
  const length = reader.remaining;
  if (length > limits.frameSize)
    reader.fail(`${length} octets, at most ${limits.frameSize} are taken`, 'responseSize');
  const tag = reader.u16('tag');
  const size = reader.u32('responseSize');
  if (size !== length) reader.fail(`says ${size} octets, ${length} came`, 'responseSize', 2);
  const code = reader.u32('responseCode');
  if (code !== 0) return { state: 'refused', code };
  const expected = all.length > 0 ? structureTag.sessions : structureTag.noSessions;
  if (tag !== expected) reader.fail(`0x${tag.toString(16)}, expected 0x${expected.toString(16)}`, 'tag', 0);
  const handle = command.answersHandle ? reader.u32('responseHandle') : 0;
  const parameterSize = all.length > 0 ? reader.u32('parameterSize') : reader.remaining;
  const start = reader.offset;
  const parameters = reader.sub(parameterSize, 'parameters');
  if (prepared === undefined) {
    const value = command.read(parameters, handle);
    parameters.end();
    for (const session of all.keys()) readPasswordAnswer(reader, `sessions[${session}]`);
    reader.end();
    return { state: 'value', value };
  }
  const received = parameters.rest().slice();
  const answers = all.map((authorization, index) =>
    isPassword(authorization)
      ? readPasswordAnswer(reader, `sessions[${index}]`)
      : readSessionAnswer(reader, `sessions[${index}]`),
  );
  reader.end();
  const opened = prepared.open(received, answers);
  if (!opened.ok) return { state: 'untrusted', problem: opened.error };
  const plain = new Reader(opened.value, 'parameters', start);
  const value = command.read(plain, handle);
  plain.end();
  return { state: 'value', value };
}

/** TPMS_AUTH_COMMAND with a password, Part 2, section 10.13.2. */
function writePassword(area: Writer, password: Uint8Array): void {
  if (password.length > limits.authSize) throw new RangeError(`a password of ${password.length} octets`);
  const noNonce = new Uint8Array();
  writeSized(
    writeSized(area.u32(passwordSessionHandle), noNonce).u8(sessionAttribute.continueSession),
    password,
  );
}

/** TPMS_AUTH_RESPONSE, Part 2, section 10.13.3. */
export type SessionAnswer = {
  readonly nonce: Uint8Array;
  readonly attributes: number;
  readonly hmac: Uint8Array;
};

function readSessionAnswer(reader: Reader, field: string): SessionAnswer {
  const nonce = readSized(reader, limits.nonceSize, `${field}.nonce`).slice();
  const attributes = reader.u8(`${field}.sessionAttributes`);
  const hmac = readSized(reader, limits.digestSize, `${field}.hmac`).slice();
  return { nonce, attributes, hmac };
}

/** The answer to a password: an empty nonce, the same attribute, an empty HMAC (Part 1, section 19.4). */
function readPasswordAnswer(reader: Reader, field: string): SessionAnswer {
  const nonce = readSized(reader, 0, `${field}.nonce`);
  const attributes = reader.u8(`${field}.sessionAttributes`);
  if (attributes !== sessionAttribute.continueSession) {
    reader.fail(
      `0x${attributes.toString(16)}, expected 0x01`,
      `${field}.sessionAttributes`,
      reader.offset - 1,
    );
  }
  const hmac = readSized(reader, 0, `${field}.hmac`);
  return { nonce, attributes, hmac };
}
