import type { IdentityKey, IdentityPorts } from './ports.ts';
import { type IdentityProblem, identityProblems } from './problem.ts';
import { formatIdentityRecord, type IdentityRecord, parseIdentityRecord } from './record.ts';
import { type ReleasePolicies, readReleasePolicies } from './release-policy.ts';
import type { SigningFigures } from './signing-times.ts';
import { SigningTimes } from './signing-times.ts';
import { TpmIdentity, type TpmIdentityResult } from './tpm-identity.ts';

/** What the settings say of the identity. */
export type IdentitySettings = {
  /** Whether the key may be a file where no TPM can hold it. */
  readonly software: 'allowed' | 'refused';
};

/** The host identity ready to sign, or why there is none. The box works on without one, except for its tunnels. */
export type OpenedIdentity =
  | {
      readonly ok: true;
      readonly keyStorage: 'tpm' | 'software';
      readonly hit: string;
      readonly key: IdentityKey;
      readonly detail: string;
      signing(): SigningFigures | null;
      close(): Promise<void>;
    }
  | {
      readonly ok: false;
      /** The HIT that the box has had, where that is known: it is given up only when somebody says so. */
      readonly hit: string | null;
      readonly problem: IdentityProblem;
    };

/**
 * Opens the identity that was made before, or makes it at the first start. What was made stays: a TPM that is missing,
 * cleared or another one, a key that is not readable and a record that is not are told, and nothing new is made.
 */
export async function openIdentity(
  ports: IdentityPorts,
  settings: IdentitySettings,
): Promise<OpenedIdentity> {
  const record = await readRecord(ports);
  if (record === undefined) return { ok: false, hit: null, problem: identityProblems.recordUnreadable() };
  if (record?.keyStorage === 'given-up') return replaceIdentity(ports, settings);
  if (record?.keyStorage === 'tpm') return openRecorded(ports, record);
  const software = await openSoftware(ports, settings, record);
  return software ?? makeFirst(ports, settings);
}

/** Gives up whatever identity there is and makes a new one. Only ever by somebody's word. */
export async function replaceIdentity(
  ports: IdentityPorts,
  settings: IdentitySettings,
): Promise<OpenedIdentity> {
  const record = await readRecord(ports);
  const hit = record === undefined || record?.keyStorage === 'given-up' ? null : (record?.hit ?? null);
  const made = await withTpmIdentity(ports, (identity) => makeWherePolicy(ports, identity, hit));
  return keepMade(ports, settings, hit, made);
}

/** Null where none was written, undefined where there is one that cannot be read. */
async function readRecord(ports: IdentityPorts): Promise<IdentityRecord | null | undefined> {
  try {
    const text = await ports.record.read();
    return text === null ? null : parseIdentityRecord(text);
  } catch {
    return undefined;
  }
}

async function openRecorded(
  ports: IdentityPorts,
  record: Extract<IdentityRecord, { keyStorage: 'tpm' }>,
): Promise<OpenedIdentity> {
  const { hit } = record;
  const found = await withTpmIdentity(ports, (identity) => identity.findRecorded(record));
  switch (found.state) {
    case 'absent':
      return { ok: false, hit, problem: identityProblems.tpmMissing(hit, found.reason) };
    case 'failed':
      return { ok: false, hit, problem: identityProblems.tpmUnusable(hit, found.reason, found.advice) };
    case 'done':
      return found.value.ok ? inTpm(ports, found.value) : { ok: false, hit, problem: found.value.problem };
  }
}

/** The key that is a file, where there is one; undefined where none was ever made. */
async function openSoftware(
  ports: IdentityPorts,
  { software }: IdentitySettings,
  record: Extract<IdentityRecord, { keyStorage: 'software' }> | null,
): Promise<OpenedIdentity | undefined> {
  let key: IdentityKey | null;
  try {
    key = await ports.software.open();
  } catch (error) {
    const problem = identityProblems.softwareUnreadable(record?.hit ?? null, reasonOf(error));
    return { ok: false, hit: record?.hit ?? null, problem };
  }
  if (key === null) {
    if (record === null) return undefined;
    const problem = identityProblems.softwareUnreadable(record.hit, 'its file is gone');
    return { ok: false, hit: record.hit, problem };
  }
  const hit = ports.hitOf(key);
  if (software === 'refused') {
    return { ok: false, hit, problem: identityProblems.softwareRefused(hit, 'its key is a file') };
  }
  return inSoftware(ports, key);
}

/** The first start: nothing was ever made as far as the state partition knows. */
async function makeFirst(ports: IdentityPorts, settings: IdentitySettings): Promise<OpenedIdentity> {
  // A state partition that was made anew finds the identity of before in the TPM.
  const made = await withTpmIdentity(
    ports,
    async (identity) => (await identity.findLeft()) ?? (await makeWherePolicy(ports, identity, null)),
  );
  return keepMade(ports, settings, null, made);
}

/** undefined where the image has no policy to make a key for: to this image its TPM is as good as none. */
async function makeWherePolicy(
  ports: IdentityPorts,
  identity: TpmIdentity,
  replaced: string | null,
): Promise<TpmIdentityResult | undefined> {
  return releasePolicies(ports).state === 'none' ? undefined : identity.make(replaced);
}

/** Writes down what was made in the TPM, or makes a software key where there is no TPM to hold it. */
async function keepMade(
  ports: IdentityPorts,
  { software }: IdentitySettings,
  replaced: string | null,
  made: TpmOutcome<TpmIdentityResult | undefined>,
): Promise<OpenedIdentity> {
  if (made.state === 'done' && made.value !== undefined) {
    if (!made.value.ok) return { ok: false, hit: replaced, problem: made.value.problem };
    const hit = ports.hitOf(made.value.key);
    try {
      await ports.record.write(formatIdentityRecord({ ...made.value.record, hit }));
      await ports.software.forget();
    } catch (error) {
      await made.value.key.close();
      return { ok: false, hit: replaced, problem: identityProblems.notKept(reasonOf(error)) };
    }
    return inTpm(ports, made.value);
  }
  if (made.state === 'failed') {
    // A TPM that may work again tomorrow is no reason for a box to have a software key for ever.
    const problem = identityProblems.tpmUnusable(replaced, made.reason, made.advice);
    return { ok: false, hit: replaced, problem };
  }
  const policies = releasePolicies(ports);
  const reason =
    made.state === 'absent' ? made.reason : policies.state === 'none' ? policies.reason : 'no key was made';
  if (software === 'refused') {
    return { ok: false, hit: replaced, problem: identityProblems.softwareRefused(replaced, reason) };
  }
  try {
    const key = await ports.software.make();
    const hit = ports.hitOf(key);
    await ports.record.write(formatIdentityRecord({ version: 1, keyStorage: 'software', hit }));
    return inSoftware(ports, key);
  } catch (error) {
    return { ok: false, hit: replaced, problem: identityProblems.notKept(reasonOf(error)) };
  }
}

type TpmOutcome<Value> =
  | { readonly state: 'done'; readonly value: Value }
  | { readonly state: 'absent'; readonly reason: string }
  | { readonly state: 'failed'; readonly reason: string; readonly advice: string };

async function withTpmIdentity<Value extends TpmIdentityResult | undefined>(
  ports: IdentityPorts,
  use: (identity: TpmIdentity) => Promise<Value>,
): Promise<TpmOutcome<Value>> {
  const opened = await ports.openTpm();
  if (opened.state !== 'open') return opened;
  const value = await use(new TpmIdentity(ports, opened, releasePolicies(ports)));
  // A key that can sign keeps the TPM open for the next signature.
  if (value?.ok !== true) await opened.close().catch(() => undefined);
  return { state: 'done', value };
}

function releasePolicies(ports: IdentityPorts): ReleasePolicies {
  const { policies, key } = ports.release();
  return readReleasePolicies(policies, key);
}

function inTpm(ports: IdentityPorts, { key }: Extract<TpmIdentityResult, { ok: true }>): OpenedIdentity {
  return {
    ok: true,
    keyStorage: 'tpm',
    hit: ports.hitOf(key),
    key,
    detail: ports.developmentImage
      ? 'The private key is in the TPM, but this is a development build: everybody can sign images that may use it.'
      : 'The private key is in the TPM, which lets only images signed by the release key use it.',
    signing: () => key.times.figures(),
    close: () => key.close(),
  };
}

function inSoftware(ports: IdentityPorts, key: IdentityKey): OpenedIdentity {
  const times = new SigningTimes();
  return {
    ok: true,
    keyStorage: 'software',
    hit: ports.hitOf(key),
    key: {
      x: key.x,
      y: key.y,
      async sign(message) {
        const start = ports.now();
        const signature = await key.sign(message);
        times.add(ports.now() - start);
        return signature;
      },
    },
    detail: 'The private key is a file on the state partition, not in a TPM.',
    signing: () => times.figures(),
    close: async () => {},
  };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
