import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toHex } from '../../firmware/bytes/bytes.ts';
import { tpmCryptography } from '../../firmware/system/tpm-cryptography.ts';
import { attestationKeyTemplate } from '../../firmware/tpm/attestation-key.ts';
import { authorizeBy } from '../../firmware/tpm/authorization.ts';
import { Tpm } from '../../firmware/tpm/client.ts';
import { quote } from '../../firmware/tpm/commands/attestation.ts';
import { getHandles } from '../../firmware/tpm/commands/capability.ts';
import { create, createPrimary, flushContext, load, unseal } from '../../firmware/tpm/commands/keys.ts';
import { getRandom, hierarchyChangeAuth } from '../../firmware/tpm/commands/machine.ts';
import { algorithm, firstHandle, hierarchy } from '../../firmware/tpm/constants.ts';
import { endorsementKeyTemplates } from '../../firmware/tpm/endorsement-key.ts';
import { encodeCommand, protectedBy } from '../../firmware/tpm/frame.ts';
import type { PublicArea } from '../../firmware/tpm/public-area.ts';
import { endSession, type SessionOptions, startSession, withSession } from '../../firmware/tpm/session.ts';
import { sealedTemplate, storageTemplate } from './objects.ts';
import { succeeded } from './outcome.ts';
import { type Swtpm, startSwtpm } from './swtpm.ts';

let swtpm: Swtpm;
beforeAll(async () => {
  swtpm = await startSwtpm();
});
afterAll(() => swtpm[Symbol.asyncDispose]());

const secret = new TextEncoder().encode('what nobody on the bus shall read');
const keyAuth = { password: new TextEncoder().encode('of the object\0\0') };
const selections = [{ hash: algorithm.sha256, indexes: [0] }];

const loaded = async (tpm: Tpm) => [
  ...succeeded(await tpm.execute(getHandles(firstHandle.transient, 8))).values,
  ...succeeded(await tpm.execute(getHandles(firstHandle.loadedSession, 8))).values,
];

/** Lends a client that notes every octet that crosses its bus. */
const overhearing = <Value>(job: (tpm: Tpm, heard: () => string) => Promise<Value>) =>
  swtpm
    .use(async () => undefined)
    .then(async () => {
      const opened = await swtpm.open();
      let heard = '';
      const transmit = async (command: Uint8Array) => {
        const response = await opened.transmit(command);
        heard += `${toHex(command)} ${toHex(response)} `;
        return response;
      };
      try {
        return await job(new Tpm({ transmit, wait: async () => {} }), () => heard);
      } finally {
        await opened.close();
      }
    });

/** Makes a key, lends it and flushes it. */
async function withKey<Value>(
  tpm: Tpm,
  template: PublicArea,
  use: (key: { handle: number; name: Uint8Array; publicArea: PublicArea }) => Promise<Value>,
  auth = { password: new Uint8Array() },
): Promise<Value> {
  const key = succeeded(await tpm.execute(createPrimary(hierarchy.owner, template, { keyAuth: auth })));
  try {
    return await use(key);
  } finally {
    succeeded(await tpm.execute(flushContext(key.handle)));
  }
}

describe.each(['rsa2048', 'p256'] as const)('Part 1, 19.6: HMAC sessions salted to a %s key', (kind) => {
  const salted = async (tpm: Tpm, use: (options: SessionOptions) => Promise<void>) =>
    withKey(tpm, endorsementKeyTemplates[kind], (key) =>
      use({ kind: 'hmac', salt: { handle: key.handle, publicArea: key.publicArea } }),
    );

  test('random octets come encrypted and authentic, command after command, and never in the clear', () =>
    overhearing(async (tpm, heard) => {
      await salted(tpm, async (options) => {
        const result = await withSession(tpm, tpmCryptography, options, async (session) => {
          const seen = [];
          for (let round = 0; round < 4; round++) {
            const protection = authorizeBy(session, { encryptsResponse: true });
            seen.push(succeeded(await tpm.execute(protectedBy(getRandom(32), protection))));
          }
          expect(new Set(seen.map(toHex)).size).toBe(4);
          for (const octets of seen) {
            expect(octets).toHaveLength(32);
            expect(heard()).not.toContain(toHex(octets));
          }
          return { ok: true, value: seen.length };
        });
        expect(succeeded(result)).toBe(4);
      });
      expect(await loaded(tpm)).toEqual([]);
    }));

  test('sealed data goes in and comes out without being heard', () =>
    overhearing(async (tpm, heard) => {
      await salted(tpm, async (options) => {
        await withKey(tpm, storageTemplate, async (parent) => {
          const result = await withSession(tpm, tpmCryptography, options, async (session) => {
            const both = { encryptsCommand: true, encryptsResponse: true };
            const command = create(parent, sealedTemplate, {
              sealed: secret,
              objectAuth: keyAuth,
              parentAuth: authorizeBy(session, both),
            });
            const object = succeeded(await tpm.execute(command));
            const { handle, name } = succeeded(await tpm.execute(load(parent, object, authorizeBy(session))));
            const use = authorizeBy(session, {
              ...both,
              encryptsCommand: false,
              authValue: keyAuth.password,
            });
            expect(succeeded(await tpm.execute(unseal({ handle, name }, use)))).toEqual(secret);
            const wrong = authorizeBy(session, { authValue: secret });
            expect(await tpm.execute(unseal({ handle, name }, wrong))).toMatchObject({
              error: { responseCode: { name: 'TPM_RC_BAD_AUTH' } },
            });
            // A refused command rolls no nonce: the session goes on.
            expect(succeeded(await tpm.execute(unseal({ handle, name }, use)))).toEqual(secret);
            return tpm.execute(flushContext(handle));
          });
          expect(result).toEqual({ ok: true, value: undefined });
        });
      });
      expect(heard()).not.toContain(toHex(secret));
      expect(heard()).not.toContain(toHex(keyAuth.password));
      expect(await loaded(tpm)).toEqual([]);
    }));
});

describe('Part 1, 19.6.8 and 19.6.12: unsalted and bound sessions', () => {
  test.each(['sha1', 'sha256', 'sha384', 'sha512'] as const)('%s authorizes a quote', (hash) =>
    swtpm.use((tpm) =>
      withKey(
        tpm,
        attestationKeyTemplate,
        async (key) => {
          const session = succeeded(await startSession(tpm, tpmCryptography, { kind: 'hmac', hash }));
          const once = authorizeBy(session, { authValue: keyAuth.password, continueSession: false });
          const quoted = succeeded(await tpm.execute(quote(key, new Uint8Array(3), selections, once)));
          expect(quoted.attest.extraData).toEqual(new Uint8Array(3));
          // The command ended the session: there is nothing to flush, and nothing to flush twice.
          expect(await endSession(tpm, session)).toEqual({ ok: true, value: undefined });
          expect(await loaded(tpm)).toEqual([key.handle]);
        },
        keyAuth,
      ),
    ),
  );

  test('a session bound to a key authorizes it, and another key with that one’s own value', () =>
    swtpm.use((tpm) =>
      withKey(
        tpm,
        attestationKeyTemplate,
        (bound) =>
          withKey(tpm, { ...attestationKeyTemplate, authPolicy: new Uint8Array(32) }, async (other) => {
            const options = { kind: 'hmac', bind: { entity: bound, authValue: keyAuth.password } } as const;
            const result = await withSession(tpm, tpmCryptography, options, async (session) => {
              const own = authorizeBy(session, {
                authValue: keyAuth.password,
                encryptsCommand: true,
                encryptsResponse: true,
              });
              succeeded(await tpm.execute(quote(bound, new Uint8Array(2), selections, own)));
              const foreign = authorizeBy(session, { encryptsCommand: true, encryptsResponse: true });
              return tpm.execute(quote(other, new Uint8Array(3), selections, foreign));
            });
            expect(succeeded(result).attest.extraData).toEqual(new Uint8Array(3));
          }),
        keyAuth,
      ),
    ));

  test('two sessions protect one command: the first vouches for the nonces of the others', () =>
    swtpm.use((tpm) =>
      withKey(tpm, attestationKeyTemplate, async (key) => {
        const hmac = { kind: 'hmac' } as const;
        const result = await withSession(tpm, tpmCryptography, hmac, (authorizing) =>
          withSession(tpm, tpmCryptography, hmac, (decrypting) =>
            withSession(tpm, tpmCryptography, hmac, async (encrypting) => {
              const command = protectedBy(
                protectedBy(
                  quote(key, secret, selections, authorizeBy(authorizing)),
                  authorizeBy(decrypting, { encryptsCommand: true }),
                ),
                authorizeBy(encrypting, { encryptsResponse: true }),
              );
              succeeded(await tpm.execute(command));
              return tpm.execute(command);
            }),
          ),
        );
        expect(succeeded(result).attest.extraData).toEqual(secret);
      }),
    ));

  test('24.8 HierarchyChangeAuth with the new value encrypted; the response counts with the new value', async () => {
    await using fresh = await startSwtpm();
    await fresh.use(async (tpm) => {
      const newAuth = new TextEncoder().encode('owned');
      const changed = await withSession(tpm, tpmCryptography, { kind: 'hmac' }, async (session) =>
        tpm.execute(
          protectedBy(
            hierarchyChangeAuth(hierarchy.owner, newAuth),
            authorizeBy(session, { encryptsCommand: true }),
          ),
        ),
      );
      succeeded(changed);
      expect(await tpm.execute(createPrimary(hierarchy.owner, storageTemplate))).toMatchObject({
        error: { responseCode: { name: 'TPM_RC_BAD_AUTH' } },
      });
      const hierarchyAuth = { password: newAuth };
      const key = succeeded(
        await tpm.execute(createPrimary(hierarchy.owner, storageTemplate, { hierarchyAuth })),
      );
      succeeded(await tpm.execute(flushContext(key.handle)));
    });
  });
});

describe('answers that somebody changed on their way', () => {
  test('a changed octet anywhere in a protected response is noticed', async () => {
    const opened = await swtpm.open();
    let change: number | undefined;
    const transmit = async (command: Uint8Array) => {
      const response = Uint8Array.from(await opened.transmit(command));
      if (change !== undefined) response[change] = (response[change] ?? 0) ^ 1;
      change = undefined;
      return response;
    };
    const tpm = new Tpm({ transmit, wait: async () => {} });
    const ask = (offset?: number) =>
      withSession(tpm, tpmCryptography, { kind: 'hmac' }, (session) => {
        change = offset;
        return tpm.execute(protectedBy(getRandom(8), authorizeBy(session, { encryptsResponse: true })));
      });
    expect(succeeded(await ask())).toHaveLength(8);
    const size = 10 + 4 + 2 + 8 + 2 + 32 + 1 + 2 + 32;
    const outcomes = new Map<number, string>();
    for (let offset = 0; offset < size; offset++) {
      const result = await ask(offset);
      outcomes.set(offset, result.ok ? 'accepted' : result.error.code);
    }
    await opened.close();
    const codes = [...outcomes.values()];
    expect(codes).not.toContain('accepted');
    // Parameters, nonce, attributes and HMAC are behind the HMAC; the frame around them is checked as a structure.
    const inParameters = [...outcomes].filter(([offset]) => offset >= 14 && offset < 24);
    expect(inParameters.map(([, code]) => code)).toEqual(Array(10).fill('UNTRUSTED'));
  });

  test('a session leaks from no outcome of its use', () =>
    swtpm.use(async (tpm) => {
      const hmac = { kind: 'hmac' } as const;
      const failing = await withSession(tpm, tpmCryptography, hmac, () =>
        tpm.execute(flushContext(firstHandle.transient)),
      );
      expect(failing).toMatchObject({ error: { responseCode: { name: 'TPM_RC_HANDLE' } } });
      const throwing = withSession(tpm, tpmCryptography, hmac, () => Promise.reject(new Error('a defect')));
      await expect(throwing).rejects.toThrow('a defect');
      expect(await loaded(tpm)).toEqual([]);
    }));
});

test('an object without its name is a defect where a session authorizes', () => {
  const session = {
    handle: 0x0200_0000,
    kind: 'hmac',
    hash: 'sha256',
    key: new Uint8Array(),
    bound: undefined,
    cryptography: tpmCryptography,
    nonceTpm: new Uint8Array(32),
    nonceCaller: new Uint8Array(32),
    ended: false,
  } as const;
  const command = unseal(firstHandle.transient, authorizeBy({ ...session }));
  expect(() => encodeCommand(command)).toThrow(RangeError);
});
