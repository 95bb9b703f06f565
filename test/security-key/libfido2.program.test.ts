import { createHash, randomBytes } from 'node:crypto';
import koffi from 'koffi';
import { expect, test } from 'vitest';
import { PluggedKeys, quickReader } from './plugged-keys.ts';
import { VirtualKey } from './virtual-key.ts';

/**
 * libfido2, which speaks with keys on most desks, speaks with the virtual key of these tests: what the firmware is tested
 * against is no key of its own making.
 */
const library = koffi.load('libfido2.so.1');
const call = (declaration: string) => library.func(declaration);

const openKey = koffi.proto('void *fido_open(const char *path)');
const closeKey = koffi.proto('void fido_close(void *handle)');
const readKey = koffi.proto('int fido_read(void *handle, _Out_ uint8_t *report, size_t length, int ms)');
const writeKey = koffi.proto('int fido_write(void *handle, const uint8_t *report, size_t length)');
koffi.struct('fido_dev_io_t', {
  open: koffi.pointer(openKey),
  close: koffi.pointer(closeKey),
  read: koffi.pointer(readKey),
  write: koffi.pointer(writeKey),
});

const fido = {
  init: call('void fido_init(int flags)'),
  error: call('const char *fido_strerr(int error)'),
  newDevice: call('void *fido_dev_new()'),
  setIo: call('int fido_dev_set_io_functions(void *device, const fido_dev_io_t *io)'),
  open: call('int fido_dev_open(void *device, const char *path)'),
  close: call('int fido_dev_close(void *device)'),
  isFido2: call('bool fido_dev_is_fido2(const void *device)'),
  newCredential: call('void *fido_cred_new()'),
  setType: call('int fido_cred_set_type(void *credential, int algorithm)'),
  setCredentialHash: call(
    'int fido_cred_set_clientdata_hash(void *credential, const uint8_t *hash, size_t length)',
  ),
  setCredentialParty: call('int fido_cred_set_rp(void *credential, const char *id, const char *name)'),
  setUser: call(
    'int fido_cred_set_user(void *credential, const uint8_t *id, size_t length, const char *name, const char *display, const char *icon)',
  ),
  make: call('int fido_dev_make_cred(void *device, void *credential, const char *pin)'),
  verifyCredential: call('int fido_cred_verify(const void *credential)'),
  id: call('const uint8_t *fido_cred_id_ptr(const void *credential)'),
  idLength: call('size_t fido_cred_id_len(const void *credential)'),
  point: call('const uint8_t *fido_cred_pubkey_ptr(const void *credential)'),
  pointLength: call('size_t fido_cred_pubkey_len(const void *credential)'),
  newAssertion: call('void *fido_assert_new()'),
  setAssertionHash: call(
    'int fido_assert_set_clientdata_hash(void *assertion, const uint8_t *hash, size_t length)',
  ),
  setAssertionParty: call('int fido_assert_set_rp(void *assertion, const char *id)'),
  allow: call('int fido_assert_allow_cred(void *assertion, const uint8_t *id, size_t length)'),
  setPresence: call('int fido_assert_set_up(void *assertion, int option)'),
  assert: call('int fido_dev_get_assert(void *device, void *assertion, const char *pin)'),
  counter: call('uint32_t fido_assert_sigcount(const void *assertion, size_t index)'),
  newPoint: call('void *es256_pk_new()'),
  setPoint: call('int es256_pk_from_ptr(void *point, const void *octets, size_t length)'),
  verifyAssertion: call(
    'int fido_assert_verify(const void *assertion, size_t index, int algorithm, const void *point)',
  ),
};
const es256 = -7;
const optionTrue = 2;

/** A key that libfido2 has opened; a touch comes as soon as it blinks. */
function opened(key: VirtualKey) {
  const reports: Uint8Array[] = [];
  key.emit = (report) => void reports.push(report);
  const handle = koffi.alloc('uint8_t', 1);
  const io = {
    open: koffi.register(() => handle, koffi.pointer(openKey)),
    close: koffi.register(() => undefined, koffi.pointer(closeKey)),
    read: koffi.register((_handle: unknown, into: unknown, length: number) => {
      const report = reports.shift();
      if (report === undefined) return -1;
      koffi.encode(into, 'uint8_t', [...report], report.length);
      return Math.min(length, report.length);
    }, koffi.pointer(readKey)),
    write: koffi.register((_handle: unknown, from: unknown, length: number) => {
      if (key.blinks) key.touch();
      // The first octet is the report's number.
      key.take(Uint8Array.from(koffi.decode(from, 'uint8_t', length) as number[]).subarray(1));
      return length;
    }, koffi.pointer(writeKey)),
  };
  fido.init(0);
  const device = fido.newDevice();
  works(fido.setIo(device, io));
  works(fido.open(device, 'virtual'));
  return {
    device,
    close() {
      fido.close(device);
      for (const each of Object.values(io)) koffi.unregister(each);
    },
  };
}

function works(status: number): void {
  if (status !== 0) throw new Error(`libfido2: ${fido.error(status)}`);
}

const octetsAt = (pointer: unknown, length: number | bigint) =>
  Uint8Array.from(koffi.decode(pointer, 'uint8_t', Number(length)) as number[]);

test('the virtual key makes credentials and signs as libfido2 wants it from a key', async () => {
  const key = await VirtualKey.make();
  const { device, close } = opened(key);
  expect(fido.isFido2(device)).toBe(false);

  const party = 'hithe-test';
  const credential = fido.newCredential();
  const hash = randomBytes(32);
  works(fido.setType(credential, es256));
  works(fido.setCredentialHash(credential, hash, hash.length));
  works(fido.setCredentialParty(credential, party, party));
  works(fido.setUser(credential, hash, hash.length, 'x', 'x', null));
  works(fido.make(device, credential, null));
  works(fido.verifyCredential(credential));
  const id = octetsAt(fido.id(credential), fido.idLength(credential));
  const point = octetsAt(fido.point(credential), fido.pointLength(credential));
  expect(id).toHaveLength(64);

  const assertion = fido.newAssertion();
  const other = randomBytes(32);
  works(fido.setAssertionHash(assertion, other, other.length));
  works(fido.setAssertionParty(assertion, party));
  works(fido.allow(assertion, id, id.length));
  works(fido.setPresence(assertion, optionTrue));
  works(fido.assert(device, assertion, null));
  expect(fido.counter(assertion, 0)).toBe(key.counter);
  const key256 = fido.newPoint();
  works(fido.setPoint(key256, point, point.length));
  works(fido.verifyAssertion(assertion, 0, es256, key256));
  close();

  // What libfido2 has made, the box's own reader proves.
  const application = new Uint8Array(createHash('sha256').update(party).digest());
  const keys = new PluggedKeys();
  keys.plug(key);
  key.touch();
  const publicKey = Uint8Array.of(4, ...point);
  const proven = await quickReader(keys).prove(
    [{ application, handle: id, publicKey }],
    new AbortController().signal,
  );
  expect(proven).toEqual({ index: 0, counter: key.counter });
});

test('a wrong signature of the virtual key is one for libfido2, too', async () => {
  const key = await VirtualKey.make();
  const { device, close } = opened(key);
  const credential = fido.newCredential();
  const hash = randomBytes(32);
  works(fido.setType(credential, es256));
  works(fido.setCredentialHash(credential, hash, hash.length));
  works(fido.setCredentialParty(credential, 'x', 'x'));
  works(fido.setUser(credential, hash, hash.length, 'x', 'x', null));
  key.flaws.add('wrong-signature');
  works(fido.make(device, credential, null));
  expect(() => works(fido.verifyCredential(credential))).toThrow(/FIDO_ERR_INVALID_SIG/);
  close();
});
