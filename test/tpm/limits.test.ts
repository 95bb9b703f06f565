import { describe, expect, test } from 'vitest';
import { decode } from '../../firmware/bytes/decode.ts';
import { Reader } from '../../firmware/bytes/reader.ts';
import { Writer } from '../../firmware/bytes/writer.ts';
import { Tpm } from '../../firmware/tpm/client.ts';
import { activateCredential, makeCredentialByTpm } from '../../firmware/tpm/commands/credential.ts';
import { createPrimary, unseal } from '../../firmware/tpm/commands/keys.ts';
import { startAuthSession } from '../../firmware/tpm/commands/session.ts';
import { algorithm, hierarchy, nullHandle, structureTag } from '../../firmware/tpm/constants.ts';
import type { Command } from '../../firmware/tpm/frame.ts';
import { limits } from '../../firmware/tpm/limits.ts';
import { readNvIndex } from '../../firmware/tpm/nv-index.ts';
import { readTicket } from '../../firmware/tpm/ticket.ts';
import { storageTemplate } from './objects.ts';

const sized = (length: number) => new Writer(length + 2).u16(length).zeros(length).finish();
const empty = new Uint8Array();

describe('what a TPM may answer at most', () => {
  const reads = (command: Command<unknown>, bytes: Uint8Array) =>
    decode(() => command.read(new Reader(bytes), 0)).ok;
  const session = startAuthSession({
    ...{ saltKey: nullHandle, bind: nullHandle, nonceCaller: empty, encryptedSalt: empty },
    ...{ kind: 'hmac', hash: 'sha256' },
  });
  const credential = { blob: empty, encryptedSeed: empty };

  test.each<[string, number, (length: number) => boolean]>([
    ['a nonce', limits.nonceSize, (length) => reads(session, sized(length))],
    ['sealed data', limits.sealedData, (length) => reads(unseal(1), sized(length))],
    [
      'a credential',
      limits.credentialSize,
      (length) => reads(activateCredential(1, 2, credential), sized(length)),
    ],
    [
      'an encrypted seed',
      limits.encryptedSecretSize,
      (length) =>
        reads(makeCredentialByTpm(1, empty, empty), new Writer().u16(0).bytes(sized(length)).finish()),
    ],
    [
      'a ticket',
      limits.ticketSize,
      (length) => {
        const ticket = new Writer()
          .u16(structureTag.verified)
          .u32(hierarchy.owner)
          .bytes(sized(length))
          .finish();
        return decode(() => readTicket(new Reader(ticket), structureTag.verified, 'ticket')).ok;
      },
    ],
  ])('%s', (_name, limit, accepted) => {
    expect([accepted(limit), accepted(limit + 1)]).toEqual([true, false]);
  });

  test('a ticket of another kind is none', () => {
    const ticket = new Writer().u16(structureTag.creation).u32(hierarchy.owner).u16(0).finish();
    const read = decode(() => readTicket(new Reader(ticket, 'answer'), structureTag.verified, 'ticket'));
    expect(read).toMatchObject({ ok: false, error: { path: 'answer.ticket.tag', offset: 0 } });
  });

  test('an NV index is read up to its limit, and beyond not at all', async () => {
    const commands: number[] = [];
    const tpmWith = (dataSize: number) =>
      new Tpm({
        wait: async () => {},
        async transmit(command) {
          const view = new DataView(command.buffer, command.byteOffset);
          commands.push(view.getUint32(6));
          const isRead = view.getUint16(0) === structureTag.sessions;
          const area = new Writer()
            .u32(1)
            .u16(algorithm.sha256)
            .u32(1 << 18)
            .u16(0)
            .u16(dataSize)
            .finish();
          const body = isRead
            ? new Writer()
                .u32(2 + limits.nvChunk)
                .bytes(sized(limits.nvChunk))
                .u16(0)
                .u8(1)
                .u16(0)
                .finish()
            : new Writer().u16(area.length).bytes(area).u16(0).finish();
          const tag = isRead ? structureTag.sessions : structureTag.noSessions;
          return new Writer()
            .u16(tag)
            .u32(10 + body.length)
            .u32(0)
            .bytes(body)
            .finish();
        },
      });
    expect(await readNvIndex(tpmWith(limits.nvSize), 1)).toMatchObject({ ok: true });
    expect(commands).toHaveLength(1 + limits.nvSize / limits.nvChunk);
    commands.length = 0;
    expect(await readNvIndex(tpmWith(limits.nvSize + 1), 1)).toMatchObject({ error: { code: 'MALFORMED' } });
    expect(commands).toHaveLength(1);
  });
});

test('a password longer than an authorization value is a defect', () => {
  const make = (length: number) => () =>
    createPrimary(hierarchy.owner, storageTemplate, { keyAuth: { password: new Uint8Array(length) } });
  expect(make(limits.authSize)).not.toThrow();
  expect(make(limits.authSize + 1)).toThrow(RangeError);
});
