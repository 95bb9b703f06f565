import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toHex } from '../../firmware/bytes/bytes.ts';
import { decode } from '../../firmware/bytes/decode.ts';
import { Reader } from '../../firmware/bytes/reader.ts';
import { Writer } from '../../firmware/bytes/writer.ts';
import { tpmCryptography } from '../../firmware/system/tpm-cryptography.ts';
import { parseCertify } from '../../firmware/tpm/attest.ts';
import { attestationKeyTemplate, withAttestationKey } from '../../firmware/tpm/attestation-key.ts';
import { authorizeBy } from '../../firmware/tpm/authorization.ts';
import type { Tpm } from '../../firmware/tpm/client.ts';
import { certify } from '../../firmware/tpm/commands/attestation.ts';
import { getHandles } from '../../firmware/tpm/commands/capability.ts';
import { activateCredential, makeCredentialByTpm } from '../../firmware/tpm/commands/credential.ts';
import {
  create,
  createPrimary,
  evictControl,
  flushContext,
  load,
  readPublic,
  unseal,
} from '../../firmware/tpm/commands/keys.ts';
import { clear, readClock } from '../../firmware/tpm/commands/machine.ts';
import { nvDefineSpace, nvReadPublic, nvUndefineSpace, nvWrite } from '../../firmware/tpm/commands/nv.ts';
import { policySecret } from '../../firmware/tpm/commands/policy.ts';
import { sign } from '../../firmware/tpm/commands/signing.ts';
import { algorithm, firstHandle, hierarchy, nvAttribute } from '../../firmware/tpm/constants.ts';
import { makeCredential } from '../../firmware/tpm/credential.ts';
import { endorsementKeyTemplates } from '../../firmware/tpm/endorsement-key.ts';
import { limits } from '../../firmware/tpm/limits.ts';
import { readNvIndex } from '../../firmware/tpm/nv-index.ts';
import { objectName } from '../../firmware/tpm/object-name.ts';
import { encodePublicArea, readPublicArea } from '../../firmware/tpm/public-area.ts';
import { withSession } from '../../firmware/tpm/session.ts';
import { readSignature, writeSignature } from '../../firmware/tpm/signature.ts';
import { readSized, readSizedWith, writeSized } from '../../firmware/tpm/sized.ts';
import { sealedTemplate, signingTemplate, storageTemplate } from './objects.ts';
import { succeeded } from './outcome.ts';
import { type Swtpm, startSwtpm } from './swtpm.ts';

let swtpm: Swtpm;
beforeAll(async () => {
  swtpm = await startSwtpm();
});
afterAll(() => swtpm[Symbol.asyncDispose]());

const path = (name: string) => join(swtpm.directory, name);
const read = async (name: string) => new Uint8Array(await readFile(path(name)));
const sized = (bytes: Uint8Array) => writeSized(new Writer(), bytes).finish();
const parentHandle = firstHandle.persistent + 0x20;
const keyHandle = firstHandle.persistent + 0x21;
const text = (handle: number) => `0x${handle.toString(16)}`;
const secret = new TextEncoder().encode('sealed by the one, unsealed by the other');

/** Makes an object persistent and forgets the transient one. */
async function keep(tpm: Tpm, key: { readonly handle: number; readonly name: Uint8Array }, handle: number) {
  succeeded(await tpm.execute(evictControl(key, handle)));
  succeeded(await tpm.execute(flushContext(key.handle)));
}

describe('Part 3, 12 and 28.5: objects that tpm2-tools and this client share', () => {
  beforeAll(() =>
    swtpm.use(async (tpm) => {
      await keep(
        tpm,
        succeeded(await tpm.execute(createPrimary(hierarchy.owner, storageTemplate))),
        parentHandle,
      );
    }),
  );

  test('tpm2_unseal unseals what Create sealed, below a parent that EvictControl made persistent', async () => {
    const object = await swtpm.use(async (tpm) =>
      succeeded(await tpm.execute(create(parentHandle, sealedTemplate, { sealed: secret }))),
    );
    await writeFile(path('ours.pub'), sized(encodePublicArea(object.publicArea)));
    await writeFile(path('ours.priv'), sized(object.privateArea));
    await swtpm.tool(
      'tpm2_load',
      '-C',
      text(parentHandle),
      '-u',
      'ours.pub',
      '-r',
      'ours.priv',
      '-c',
      'ours.ctx',
    );
    await swtpm.tool('tpm2_flushcontext', '-t');
    await swtpm.tool('tpm2_unseal', '-c', 'ours.ctx', '-o', 'ours.data');
    await swtpm.tool('tpm2_flushcontext', '-t');
    expect(await read('ours.data')).toEqual(secret);
  });

  test('Load and Unseal take what tpm2_create sealed with a password', async () => {
    await writeFile(path('data'), secret);
    const files = ['-u', 'theirs.pub', '-r', 'theirs.priv'];
    await swtpm.tool('tpm2_create', '-C', text(parentHandle), '-i', 'data', '-p', 'open', ...files);
    await swtpm.tool('tpm2_flushcontext', '-t');
    const [publicFile, privateFile] = [await read('theirs.pub'), await read('theirs.priv')];
    const publicArea = decode(() => readSizedWith(new Reader(publicFile), 1024, 'public', readPublicArea));
    const privateArea = decode(() => readSized(new Reader(privateFile), 1024, 'private'));
    if (!publicArea.ok || !privateArea.ok) throw new Error('a file of tpm2-tools was not understood');
    await swtpm.use(async (tpm) => {
      const object = { publicArea: publicArea.value, privateArea: privateArea.value };
      const loaded = succeeded(await tpm.execute(load(parentHandle, object)));
      expect(toHex(loaded.name)).toBe(
        toHex(objectName(tpmCryptography, publicArea.value) ?? new Uint8Array()),
      );
      expect((await tpm.execute(unseal(loaded.handle))).ok).toBe(false);
      const password = new TextEncoder().encode('open');
      const unsealed = await withSession(tpm, tpmCryptography, { kind: 'hmac' }, (session) => {
        const authorization = authorizeBy(session, { authValue: password, encryptsResponse: true });
        return tpm.execute(unseal(loaded, authorization));
      });
      expect(succeeded(unsealed)).toEqual(secret);
      succeeded(await tpm.execute(flushContext(loaded.handle)));
    });
  });

  test('20.2 Sign by a persistent key is verified by tpm2_verifysignature, and gone when the key is evicted', async () => {
    const digest = tpmCryptography.digest('sha256', secret);
    const { signature, publicArea } = await swtpm.use(async (tpm) => {
      const key = succeeded(await tpm.execute(createPrimary(hierarchy.owner, signingTemplate)));
      await keep(tpm, key, keyHandle);
      const signature = succeeded(
        await tpm.execute(sign(keyHandle, digest, { scheme: 'ecdsa', hash: 'sha256' })),
      );
      return { signature, publicArea: key.publicArea };
    });
    await writeFile(path('message'), secret);
    await writeFile(path('message.sig'), writeSignature(new Writer(), signature).finish());
    const verify = ['-c', text(keyHandle), '-g', 'sha256', '-m', 'message', '-s', 'message.sig'];
    await swtpm.tool('tpm2_verifysignature', ...verify);
    await swtpm.tool('tpm2_readpublic', '-c', text(keyHandle), '-o', 'key.pub');
    expect(toHex(await read('key.pub'))).toBe(toHex(sized(encodePublicArea(publicArea))));
    await swtpm.tool('tpm2_evictcontrol', '-C', 'o', '-c', text(keyHandle));
    await swtpm.use(async (tpm) => {
      const gone = await tpm.execute(sign(keyHandle, digest, { scheme: 'ecdsa', hash: 'sha256' }));
      expect(gone).toMatchObject({ error: { responseCode: { name: 'TPM_RC_HANDLE' } } });
    });
  });

  test('a key that tpm2_evictcontrol made persistent is read and used', async () => {
    await swtpm.tool(
      'tpm2_createprimary',
      '-C',
      'o',
      '-G',
      'ecc256:ecdsa:null',
      '-a',
      'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign',
      '-c',
      'p.ctx',
    );
    await swtpm.tool('tpm2_flushcontext', '-t');
    await swtpm.tool('tpm2_evictcontrol', '-C', 'o', '-c', 'p.ctx', text(keyHandle));
    await swtpm.use(async (tpm) => {
      expect(succeeded(await tpm.execute(getHandles(firstHandle.persistent, 64))).values).toContain(
        keyHandle,
      );
      const { publicArea, name } = succeeded(await tpm.execute(readPublic(keyHandle)));
      const digest = tpmCryptography.digest('sha256', secret);
      const signature = succeeded(
        await tpm.execute(sign(keyHandle, digest, { scheme: 'ecdsa', hash: 'sha256' })),
      );
      expect(tpmCryptography.verify(publicArea, secret, signature)).toBe(true);
      succeeded(await tpm.execute(evictControl({ handle: keyHandle, name }, keyHandle)));
    });
  });
});

describe('Part 3, 18.2 Certify', () => {
  const nonce = new TextEncoder().encode('a nonce');

  test('the attestation key states the name of another key over a nonce', () =>
    swtpm.use(async (tpm) => {
      const object = succeeded(await tpm.execute(createPrimary(hierarchy.owner, signingTemplate)));
      const outcome = await withAttestationKey(tpm, async (key) => {
        const { attest, signature } = succeeded(await tpm.execute(certify(object, key, nonce)));
        expect(attest.attested.name).toEqual(object.name);
        expect(attest.extraData).toEqual(nonce);
        expect(tpmCryptography.verify(key.publicArea, attest.raw, signature)).toBe(true);
        return tpm.execute(flushContext(object.handle));
      });
      succeeded(outcome);
    }));

  test('what tpm2_certify states is parsed and verified', async () => {
    const [objectHandle, signerHandle] = [keyHandle, keyHandle + 1];
    const { object, signer } = await swtpm.use(async (tpm) => {
      const object = succeeded(await tpm.execute(createPrimary(hierarchy.owner, signingTemplate)));
      await keep(tpm, object, objectHandle);
      const signer = succeeded(
        await tpm.execute(createPrimary(hierarchy.endorsement, attestationKeyTemplate)),
      );
      await keep(tpm, signer, signerHandle);
      return { object, signer };
    });
    const files = ['-o', 'certify.msg', '-s', 'certify.sig'];
    await swtpm.tool(
      'tpm2_certify',
      '-c',
      text(objectHandle),
      '-C',
      text(signerHandle),
      '-g',
      'sha256',
      ...files,
    );
    const attest = parseCertify(await read('certify.msg'));
    const signatureFile = await read('certify.sig');
    const signature = decode(() => readSignature(new Reader(signatureFile, 'signature')));
    if (!attest.ok || !signature.ok) throw new Error('a file of tpm2-tools was not understood');
    expect(toHex(attest.value.attested.name)).toBe(toHex(object.name));
    expect(tpmCryptography.verify(signer.publicArea, attest.value.raw, signature.value)).toBe(true);
    await swtpm.use(async (tpm) => {
      for (const [key, handle] of [
        [object, objectHandle],
        [signer, signerHandle],
      ] as const) {
        succeeded(await tpm.execute(evictControl({ handle, name: key.name }, handle)));
      }
    });
  });
});

describe.each(['rsa2048', 'p256'] as const)('Part 1, 24: credentials for a %s endorsement key', (kind) => {
  const credential = new TextEncoder().encode('thirty-two octets of a challenge');
  const template = endorsementKeyTemplates[kind];

  const activate = (tpm: Tpm, made: NonNullable<ReturnType<typeof makeCredential>>) =>
    withAttestationKey(tpm, async (attestation) => {
      const key = succeeded(await tpm.execute(createPrimary(hierarchy.endorsement, template)));
      const answer = await withSession(tpm, tpmCryptography, { kind: 'policy' }, async (session) => {
        succeeded(await tpm.execute(policySecret(hierarchy.endorsement, session.handle)));
        const keyAuth = authorizeBy(session, { continueSession: false });
        return tpm.execute(activateCredential(attestation, key, made, { keyAuth }));
      });
      succeeded(await tpm.execute(flushContext(key.handle)));
      return answer;
    });
  const names = (tpm: Tpm) =>
    withAttestationKey(tpm, async (attestation) => {
      const key = succeeded(await tpm.execute(createPrimary(hierarchy.endorsement, template)));
      const byTpm = await tpm.execute(makeCredentialByTpm(key.handle, credential, attestation.name));
      succeeded(await tpm.execute(flushContext(key.handle)));
      return { ok: true, value: { area: key.publicArea, name: attestation.name, byTpm: succeeded(byTpm) } };
    }).then(succeeded);

  test('made in software and by the TPM, both are activated; for another object they are not', () =>
    swtpm.use(async (tpm) => {
      const { area, name, byTpm } = await names(tpm);
      const made = makeCredential(tpmCryptography, area, name, credential);
      if (made === undefined) throw new Error('no credential was made');
      expect(succeeded(await activate(tpm, made))).toEqual(credential);
      expect(succeeded(await activate(tpm, byTpm))).toEqual(credential);
      const other = makeCredential(
        tpmCryptography,
        area,
        Uint8Array.from([...name.slice(0, 33), 0]),
        credential,
      );
      if (other === undefined) throw new Error('no credential was made');
      expect(await activate(tpm, other)).toMatchObject({
        error: { command: 'TPM2_ActivateCredential', responseCode: { name: 'TPM_RC_INTEGRITY' } },
      });
    }));

  test('keys that no credential can be made for', () =>
    swtpm.use(async (tpm) => {
      const { area, name } = await names(tpm);
      const make = (changed: Partial<typeof area>) =>
        makeCredential(tpmCryptography, { ...area, ...changed }, name, credential);
      expect(make({})).toBeDefined();
      expect(make({ nameAlgorithm: algorithm.sm4 })).toBeUndefined();
      expect(make({ key: { type: 'keyedhash', unique: new Uint8Array() } })).toBeUndefined();
      expect(make(attestationKeyTemplate)).toBeUndefined();
      const broken =
        area.key.type === 'rsa' ? { modulus: new Uint8Array(3) } : { x: new Uint8Array(32).fill(9) };
      expect(make({ key: { ...area.key, ...broken } as typeof area.key })).toBeUndefined();
      expect(makeCredential(tpmCryptography, area, name, new Uint8Array(33))).toBeUndefined();
    }));
});

describe('Part 3, 31: NV indexes', () => {
  const index = firstHandle.nv + 0x1_5000;
  const area = (dataSize: number, attributes: number) => ({
    index,
    nameAlgorithm: algorithm.sha256,
    attributes: attributes | nvAttribute.ownerWrite | nvAttribute.noDictionaryAttack,
    authPolicy: new Uint8Array(),
    dataSize,
  });

  test.each([
    ['the owner', nvAttribute.ownerRead],
    ['the index itself', nvAttribute.authRead],
  ])('what is written in parts is read whole by %s, by tpm2_nvread too', async (_, attributes) => {
    const data = Uint8Array.from({ length: 1200 }, (_unused, position) => position % 251);
    await swtpm.use(async (tpm) => {
      succeeded(await tpm.execute(nvDefineSpace(area(data.length, attributes))));
      for (let offset = 0; offset < data.length; offset += limits.nvChunk) {
        const part = data.subarray(offset, offset + limits.nvChunk);
        succeeded(await tpm.execute(nvWrite(hierarchy.owner, index, part, offset)));
      }
      expect(succeeded(await readNvIndex(tpm, index))).toEqual(data);
    });
    const hierarchyArgument = attributes === nvAttribute.ownerRead ? ['-C', 'o'] : [];
    await swtpm.tool('tpm2_nvread', ...hierarchyArgument, '-o', 'nv.data', text(index));
    expect(await read('nv.data')).toEqual(data);
    await swtpm.use(async (tpm) => {
      const { name } = succeeded(await tpm.execute(nvReadPublic(index)));
      succeeded(await tpm.execute(nvUndefineSpace({ handle: index, name })));
      expect(await readNvIndex(tpm, index)).toMatchObject({
        error: { responseCode: { name: 'TPM_RC_HANDLE', subject: { kind: 'handle', index: 1 } } },
      });
    });
  });

  test('more at once than a TPM takes is a defect', () => {
    const write = (size: number) => () => nvWrite(hierarchy.owner, index, new Uint8Array(size), 0);
    expect(write(limits.nvChunk)).not.toThrow();
    expect(write(limits.nvChunk + 1)).toThrow(RangeError);
    const seal = (size: number) => () =>
      create(parentHandle, sealedTemplate, { sealed: new Uint8Array(size) });
    expect(seal(limits.sealedData)).not.toThrow();
    expect(seal(limits.sealedData + 1)).toThrow(RangeError);
  });
});

test('24.6 Clear takes what the storage hierarchy held and counts resets anew; 29.1 ReadClock tells', async () => {
  await using fresh = await startSwtpm();
  await fresh.use(async (tpm) => {
    const made = async () => {
      const key = succeeded(await tpm.execute(createPrimary(hierarchy.owner, signingTemplate)));
      succeeded(await tpm.execute(flushContext(key.handle)));
      return toHex(key.name);
    };
    const before = await made();
    expect(await made()).toBe(before);
    const clock = succeeded(await tpm.execute(readClock()));
    expect(clock).toMatchObject({ safe: true, restartCount: 0 });
    succeeded(await tpm.execute(clear()));
    expect(await made()).not.toBe(before);
    const after = succeeded(await tpm.execute(readClock()));
    expect(after.time >= clock.time).toBe(true);
    expect(after.resetCount).toBe(0);
  });
});
