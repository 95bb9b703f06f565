import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toHex } from '../../firmware/bytes/bytes.ts';
import { decode } from '../../firmware/bytes/decode.ts';
import { Reader } from '../../firmware/bytes/reader.ts';
import { Writer } from '../../firmware/bytes/writer.ts';
import { publicKeyOf, tpmCryptography } from '../../firmware/system/tpm-cryptography.ts';
import { parseQuote } from '../../firmware/tpm/attest.ts';
import {
  attestationKeyTemplate,
  withAttestationKey,
  withOwnAttestationKey,
} from '../../firmware/tpm/attestation-key.ts';
import type { Tpm } from '../../firmware/tpm/client.ts';
import { quote } from '../../firmware/tpm/commands/attestation.ts';
import { getHandles, getPcrBanks, getProperties } from '../../firmware/tpm/commands/capability.ts';
import { createPrimary, evictControl, flushContext, readPublic } from '../../firmware/tpm/commands/keys.ts';
import { getRandom, selfTest, startup } from '../../firmware/tpm/commands/machine.ts';
import { pcrExtend } from '../../firmware/tpm/commands/pcr.ts';
import { algorithm, firstHandle, hierarchy, ownHandle, property } from '../../firmware/tpm/constants.ts';
import { identifyTpm } from '../../firmware/tpm/identification.ts';
import { readPcrs } from '../../firmware/tpm/pcrs.ts';
import { keepKey } from '../../firmware/tpm/persistent-key.ts';
import { encodePublicArea, type RsaKey, readPublicArea } from '../../firmware/tpm/public-area.ts';
import { checkQuote, quotePcrs } from '../../firmware/tpm/quoted-pcrs.ts';
import { readSignature, writeSignature } from '../../firmware/tpm/signature.ts';
import { readSizedWith } from '../../firmware/tpm/sized.ts';
import { signingTemplate } from './objects.ts';
import { succeeded } from './outcome.ts';
import { type Swtpm, startSwtpm } from './swtpm.ts';

const run = promisify(execFile);
let swtpm: Swtpm;
beforeAll(async () => {
  swtpm = await startSwtpm();
});
afterAll(() => swtpm[Symbol.asyncDispose]());

const bootPcrs = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

describe('Part 3 commands against swtpm', () => {
  test('9.3 Startup: a TPM without one answers TPM_RC_INITIALIZE, with one it works', async () => {
    await using fresh = await startSwtpm({ startup: false });
    await fresh.use(async (tpm) => {
      const early = await tpm.execute(getRandom(8));
      expect(early).toMatchObject({
        error: { code: 'REFUSED', responseCode: { name: 'TPM_RC_INITIALIZE' } },
      });
      succeeded(await tpm.execute(startup('clear')));
      expect(succeeded(await tpm.execute(getRandom(8)))).toHaveLength(8);
      const again = await tpm.execute(startup('clear'));
      expect(again).toMatchObject({
        error: { command: 'TPM2_Startup', responseCode: { name: 'TPM_RC_INITIALIZE' } },
      });
    });
  });

  test('10.2 SelfTest', () => swtpm.use(async (tpm) => succeeded(await tpm.execute(selfTest(true)))));

  test('16.1 GetRandom: never the same twice, at most a digest at a time', () =>
    swtpm.use(async (tpm) => {
      const first = succeeded(await tpm.execute(getRandom(32)));
      const second = succeeded(await tpm.execute(getRandom(32)));
      expect(first).toHaveLength(32);
      expect(toHex(first)).not.toBe(toHex(second));
      expect(succeeded(await tpm.execute(getRandom(1000))).length).toBeLessThanOrEqual(64);
    }));

  test('30.2 GetCapability: properties, banks, handles', () =>
    swtpm.use(async (tpm) => {
      expect(succeeded(await identifyTpm(tpm))).toEqual({
        manufacturer: 'IBM',
        vendorString: 'SW   TPM',
        firmwareVersion: expect.stringMatching(/^\d+\.\d+\.\d+\.\d+$/),
      });
      const page = succeeded(await tpm.execute(getProperties(property.manufacturer, 1)));
      expect(page).toEqual({
        moreData: true,
        values: [{ property: property.manufacturer, value: 0x49424d00 }],
      });
      const banks = succeeded(await tpm.execute(getPcrBanks())).values;
      expect(banks.find(({ hash }) => hash === algorithm.sha256)?.indexes).toHaveLength(24);
      expect(succeeded(await tpm.execute(getHandles(firstHandle.transient, 8)))).toEqual({
        moreData: false,
        values: [],
      });
    }));

  test('22.2 PCR_Extend and 22.4 PCR_Read: the new value is H(old || digest), as tpm2_pcrread says too', async () => {
    const digest = new Uint8Array(randomBytes(32));
    const read = (tpm: Tpm) => readPcrs(tpm, 'sha256', [23]);
    const { before, after } = await swtpm.use(async (tpm) => {
      const before = succeeded(await read(tpm)).pcrs[0]?.digest ?? new Uint8Array();
      succeeded(await tpm.execute(pcrExtend(23, [{ hash: algorithm.sha256, digest }])));
      return { before, after: succeeded(await read(tpm)).pcrs[0]?.digest ?? new Uint8Array() };
    });
    expect(toHex(after)).toBe(toHex(tpmCryptography.digest('sha256', Buffer.concat([before, digest]))));
    const said = await swtpm.tool('tpm2_pcrread', 'sha256:23');
    expect(said.toLowerCase()).toContain(toHex(after));
  });

  test('22.4 PCR_Read: all 24 PCRs in three goes; a PCR that no TPM has is UNAVAILABLE', () =>
    swtpm.use(async (tpm) => {
      const { pcrs } = succeeded(
        await readPcrs(
          tpm,
          'sha384',
          Array.from({ length: 24 }, (_, index) => 23 - index),
        ),
      );
      expect(pcrs.map(({ index }) => index)).toEqual(Array.from({ length: 24 }, (_, index) => index));
      expect(pcrs.every(({ digest }) => digest.length === 48)).toBe(true);
      // PCR 17 is reset to ones by D-RTM only, PCR 0 to zeros.
      expect(toHex(pcrs[17]?.digest ?? new Uint8Array())).toBe('ff'.repeat(48));
      const missing = await readPcrs(tpm, 'sha256', [3, 25]);
      expect(missing).toMatchObject({ ok: false });
    }));

  test('24.1 CreatePrimary and 12.4 ReadPublic: the key is what the template says, and its name is the digest of it', () =>
    swtpm.use(async (tpm) => {
      const { publicArea, name } = succeeded(
        await withAttestationKey(tpm, async (key) => {
          const read = succeeded(await tpm.execute(readPublic(key.handle)));
          expect(read.publicArea).toEqual(key.publicArea);
          expect(read.name).toEqual(key.name);
          // Part 1, section 16: QN = nameAlg || H(QN of the parent || name), a hierarchy's QN being its handle.
          const parent = new Writer().u32(hierarchy.endorsement).bytes(key.name).finish();
          expect(toHex(read.qualifiedName)).toBe(`000b${toHex(tpmCryptography.digest('sha256', parent))}`);
          return { ok: true, value: key };
        }),
      );
      expect(publicArea).toEqual({
        ...attestationKeyTemplate,
        key: { ...attestationKeyTemplate.key, x: expect.any(Uint8Array), y: expect.any(Uint8Array) },
      });
      const digest = tpmCryptography.digest('sha256', encodePublicArea(publicArea));
      expect(toHex(name)).toBe(`000b${toHex(digest)}`);
    }));

  test('28.4 FlushContext: the key is gone after its use, also after a use that fails or throws', () =>
    swtpm.use(async (tpm) => {
      const loaded = async () => succeeded(await tpm.execute(getHandles(firstHandle.transient, 8))).values;
      const uses = [
        async () => ({ ok: true as const, value: await loaded() }),
        () => tpm.execute(readPublic(firstHandle.persistent)),
        () => Promise.reject(new Error('a defect')),
      ];
      const outcomes = [];
      for (const use of uses) outcomes.push(await withAttestationKey<unknown>(tpm, use).catch(String));
      expect(outcomes).toMatchObject([
        { value: [firstHandle.transient] },
        { error: { code: 'REFUSED', command: 'TPM2_ReadPublic' } },
        'Error: a defect',
      ]);
      expect(await loaded()).toEqual([]);
      const twice = await tpm.execute(flushContext(firstHandle.transient));
      expect(twice).toMatchObject({ error: { responseCode: { name: 'TPM_RC_HANDLE' } } });
    }));

  test('the attestation key is the persistent one where there is one, and never somebody else’s key', () =>
    swtpm.use(async (tpm) => {
      const lent = async () =>
        succeeded(await withOwnAttestationKey(tpm, async (key) => ({ ok: true, value: key })));
      const derived = await lent();
      expect(derived.handle).toBe(firstHandle.transient);
      const foreign = succeeded(await tpm.execute(createPrimary(hierarchy.owner, signingTemplate)));
      const kept = succeeded(await keepKey(tpm, foreign, ownHandle.attestationKey));
      succeeded(await tpm.execute(flushContext(foreign.handle)));
      expect(await lent()).toMatchObject({ handle: firstHandle.transient, name: derived.name });
      succeeded(await tpm.execute(evictControl(kept, kept.handle)));
      succeeded(await withAttestationKey(tpm, (key) => keepKey(tpm, key, ownHandle.attestationKey)));
      const persistent = await lent();
      expect(persistent).toMatchObject({ handle: ownHandle.attestationKey, name: derived.name });
      succeeded(await tpm.execute(evictControl(persistent, persistent.handle)));
    }));

  test('a wrong password is refused by name, session and number', () =>
    swtpm.use(async (tpm) => {
      const hierarchyAuth = { password: new Uint8Array([1, 2, 3]) };
      const result = await tpm.execute(
        createPrimary(hierarchy.endorsement, attestationKeyTemplate, { hierarchyAuth }),
      );
      expect(result).toMatchObject({
        error: { responseCode: { name: 'TPM_RC_BAD_AUTH', subject: { kind: 'session', index: 1 } } },
      });
    }));

  test('a key with a password quotes with it and not without', () =>
    swtpm.use(async (tpm) => {
      const keyAuth = { password: new TextEncoder().encode('open sesame') };
      const key = succeeded(
        await tpm.execute(createPrimary(hierarchy.endorsement, attestationKeyTemplate, { keyAuth })),
      );
      const selections = [{ hash: algorithm.sha256, indexes: [0] }];
      expect((await tpm.execute(quote(key.handle, new Uint8Array(), selections))).ok).toBe(false);
      expect((await tpm.execute(quote(key.handle, new Uint8Array(), selections, keyAuth))).ok).toBe(true);
      succeeded(await tpm.execute(flushContext(key.handle)));
    }));
});

describe('Part 3, 18.4 Quote', () => {
  const nonce = new Uint8Array(randomBytes(32));
  const quoteBootPcrs = () =>
    swtpm.use(async (tpm) =>
      succeeded(
        await withAttestationKey(tpm, async (key) => {
          const quoted = await quotePcrs(
            tpm,
            key.handle,
            nonce,
            { bank: 'sha256', indexes: bootPcrs },
            tpmCryptography,
          );
          return quoted.ok ? { ok: true, value: { key, quoted: quoted.value } } : quoted;
        }),
      ),
    );

  test('our quote passes our check and tpm2_checkquote', async () => {
    const { key, quoted } = await quoteBootPcrs();
    expect(checkQuote(quoted, { key: key.publicArea, nonce }, tpmCryptography)).toEqual({
      ok: true,
      value: undefined,
    });
    const path = (name: string) => join(swtpm.directory, name);
    await writeFile(path('ak.pem'), publicKeyOf(key.publicArea).export({ type: 'spki', format: 'pem' }));
    await writeFile(path('quote.msg'), quoted.attest.raw);
    await writeFile(path('quote.sig'), writeSignature(new Writer(), quoted.signature).finish());
    const check = (qualification: Uint8Array) =>
      run(
        'tpm2_checkquote',
        ['-u', 'ak.pem', '-m', 'quote.msg', '-s', 'quote.sig', '-q', toHex(qualification)],
        {
          cwd: swtpm.directory,
        },
      );
    await check(nonce);
    await expect(check(new Uint8Array(32))).rejects.toThrow();
  });

  test('each thing that a verifier must notice is noticed, and named', async () => {
    const { key, quoted } = await quoteBootPcrs();
    const expectation = { key: key.publicArea, nonce };
    const findingOf = (changed: typeof quoted, expected = expectation) => {
      const result = checkQuote(changed, expected, tpmCryptography);
      return result.ok ? 'accepted' : result.error.check;
    };
    const flipped = (bytes: Uint8Array, offset: number) => {
      const copy = bytes.slice();
      copy[offset] = (copy[offset] ?? 0) ^ 1;
      return copy;
    };
    for (const offset of quoted.attest.raw.keys()) {
      const attest = { ...quoted.attest, raw: flipped(quoted.attest.raw, offset) };
      expect(findingOf({ ...quoted, attest })).toBe('signature');
    }
    const [first, ...others] = quoted.pcrs;
    const otherValue = { index: 0, digest: flipped(first?.digest ?? new Uint8Array(), 5) };
    const otherKey = { ...key.publicArea, key: { ...key.publicArea.key, x: new Uint8Array(32) } };
    expect(findingOf(quoted, { ...expectation, nonce: flipped(nonce, 0) })).toBe('nonce');
    expect(findingOf(quoted, { ...expectation, key: otherKey as typeof key.publicArea })).toBe('signature');
    expect(findingOf({ ...quoted, pcrs: others })).toBe('selection');
    expect(findingOf({ ...quoted, pcrs: [] })).toBe('selection');
    expect(findingOf({ ...quoted, bank: 'sha384' })).toBe('selection');
    expect(findingOf({ ...quoted, pcrs: [otherValue, ...others] })).toBe('pcrDigest');
  });

  test('an RSA key that signs with RSAPSS, which tpm2_quote cannot use', async () => {
    const key: RsaKey = {
      type: 'rsa',
      symmetric: null,
      scheme: { algorithm: algorithm.rsapss, hash: algorithm.sha256 },
      keyBits: 2048,
      exponent: 0,
      modulus: new Uint8Array(),
    };
    await swtpm.use(async (tpm) => {
      const template = { ...attestationKeyTemplate, key };
      const created = succeeded(await tpm.execute(createPrimary(hierarchy.endorsement, template)));
      const what = { bank: 'sha256', indexes: [7] } as const;
      const quoted = succeeded(await quotePcrs(tpm, created.handle, nonce, what, tpmCryptography));
      succeeded(await tpm.execute(flushContext(created.handle)));
      const check = (hash: number) => {
        const signature = { ...quoted.signature, hash };
        return checkQuote({ ...quoted, signature }, { key: created.publicArea, nonce }, tpmCryptography).ok;
      };
      expect([check(algorithm.sha256), check(algorithm.sha384), check(algorithm.sm4)]).toEqual([
        true,
        false,
        false,
      ]);
    });
  });

  test.each([
    { algorithms: 'ecc:ecdsa', keyType: 'ecc', scheme: 'ecdsa' },
    { algorithms: 'rsa2048:rsassa', keyType: 'rsa', scheme: 'rsassa' },
    { algorithms: 'ecc384:ecdsa', keyType: 'ecc', scheme: 'ecdsa' },
  ])(
    'a quote by tpm2_quote with $algorithms is parsed and verified',
    async ({ algorithms, keyType, scheme }) => {
      const [kind, signing] = algorithms.split(':');
      await swtpm.tool('tpm2_createek', '-c', 'ek.ctx', '-G', 'rsa', '-u', 'ek.pub');
      const akArgs = [
        '-C',
        'ek.ctx',
        '-c',
        'ak.ctx',
        '-G',
        kind ?? '',
        '-g',
        'sha256',
        '-s',
        signing ?? '',
        '-u',
        'ak.tss',
      ];
      // -t: swtpm keeps what a tool leaves loaded, since no resource manager stands in between.
      await swtpm.tool('tpm2_flushcontext', '-t');
      await swtpm.tool('tpm2_createak', ...akArgs);
      await swtpm.tool('tpm2_flushcontext', '-t');
      const quoteArgs = [
        '-c',
        'ak.ctx',
        '-l',
        'sha256:0,7,11+sha384:4',
        '-q',
        toHex(nonce),
        '-m',
        'q.msg',
        '-s',
        'q.sig',
      ];
      await swtpm.tool('tpm2_quote', ...quoteArgs);
      await swtpm.tool('tpm2_flushcontext', '-t');
      const file = async (name: string) => new Uint8Array(await readFile(join(swtpm.directory, name)));

      const keyFile = await file('ak.tss');
      const parsedKey = decode(() =>
        readSizedWith(new Reader(keyFile, 'key'), 1024, 'public', readPublicArea),
      );
      const attest = parseQuote(await file('q.msg'));
      const signatureFile = await file('q.sig');
      const signature = decode(() => readSignature(new Reader(signatureFile, 'signature')));
      if (!parsedKey.ok || !attest.ok || !signature.ok)
        throw new Error('a file of tpm2-tools was not understood');
      expect(parsedKey.value.key.type).toBe(keyType);
      expect(signature.value).toMatchObject({ scheme, hash: algorithm.sha256 });
      expect(attest.value.attested.selections).toEqual([
        { hash: algorithm.sha256, indexes: [0, 7, 11] },
        { hash: algorithm.sha384, indexes: [4] },
      ]);
      expect(toHex(attest.value.extraData)).toBe(toHex(nonce));
      expect(attest.value.clockInfo.safe).toBe(true);
      expect(tpmCryptography.verify(parsedKey.value, attest.value.raw, signature.value)).toBe(true);
      expect(tpmCryptography.verify(parsedKey.value, attest.value.raw.slice(1), signature.value)).toBe(false);
      expect([...writeSignature(new Writer(), signature.value).finish()]).toEqual([...signatureFile]);
    },
    60_000,
  );
});
