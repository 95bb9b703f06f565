import { contents, type Source } from './contents.ts';
import { limits } from './limits.ts';
import { createRedaction, type Redaction, secretsBetween, secretsIn } from './redaction.ts';
import { type TarEntry, writeTar } from './tar.ts';

/** What a source says, or why it says nothing. */
export type Said<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly reason: string };

export interface SupportPorts {
  /** Asks the box's own API; the answer's body, read from JSON. */
  ask(path: string): Promise<Said<unknown>>;
  run(program: string, args: readonly string[]): Promise<Said<string>>;
  /** At most this many octets of a file, its end where it is longer. */
  readFile(path: string, atMost: number): Promise<Said<Uint8Array>>;
  /** The texts of all files that the box keeps for itself alone. */
  secretFiles(): Promise<readonly string[]>;
  compress(archive: Uint8Array): Promise<Uint8Array>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly version: string;
}

export interface SupportBundle {
  /** A gzip file of a tar archive. */
  readonly octets: Uint8Array<ArrayBuffer>;
  readonly fileName: string;
  /** Entries that are missing, and why. */
  readonly missing: Readonly<Record<string, string>>;
}

const settingsPath = '/api/v1/config';

/** Everything that tells how the box is, without its secrets. What cannot be had is named in `manifest.json`. */
export async function makeSupportBundle(ports: SupportPorts): Promise<SupportBundle> {
  const made = ports.now();
  const redaction = createRedaction(await knownSecrets(ports));
  const entries: TarEntry[] = [];
  const missing: Record<string, string> = {};
  let total = 0;
  for (const [name, source] of Object.entries(contents)) {
    const said = total < limits.bundleOctets ? await read(ports, source, redaction) : tooMuch;
    if (!said.ok) missing[name] = redaction.text(said.reason);
    else if (total + said.value.length > limits.bundleOctets) missing[name] = tooMuch.reason;
    else {
      total += said.value.length;
      entries.push({ name, octets: said.value });
    }
  }
  const time = new Date(made).toISOString();
  const manifest = { version: ports.version, time, entries: entries.map(({ name }) => name), missing };
  const all = [{ name: 'manifest.json', octets: encode(JSON.stringify(manifest, null, 2)) }, ...entries];
  const folder = `hithe-support-${time.replace(/\.\d+/, '').replaceAll(/[-:]/g, '')}`;
  const archive = writeTar(
    all.map(({ name, octets }) => ({ name: `${folder}/${name}`, octets })),
    made / 1000,
  );
  const octets = new Uint8Array(await ports.compress(archive));
  return { octets, fileName: `${folder}.tar.gz`, missing };
}

const tooMuch = { ok: false, reason: 'the bundle is as large as it may be' } as const;
const encode = (text: string) => new TextEncoder().encode(text);

/** Of the secret files, and what the settings show only to who asks for it. */
async function knownSecrets(ports: SupportPorts): Promise<Set<string>> {
  const known = new Set((await ports.secretFiles()).flatMap(secretsIn));
  const [shown, hidden] = [await ports.ask(`${settingsPath}?secrets=shown`), await ports.ask(settingsPath)];
  if (shown.ok && hidden.ok)
    for (const secret of secretsBetween(shown.value, hidden.value)) known.add(secret);
  return known;
}

async function read(ports: SupportPorts, source: Source, redaction: Redaction): Promise<Said<Uint8Array>> {
  switch (source.kind) {
    case 'api': {
      const said = await ports.ask(source.path);
      return said.ok ? kept(JSON.stringify(said.value, null, 1), redaction) : said;
    }
    case 'command': {
      const said = await ports.run(source.program, source.args);
      return said.ok ? kept(said.value, redaction) : said;
    }
    case 'file': {
      const said = await ports.readFile(source.path, limits.entryOctets);
      if (!said.ok) return said;
      if (source.binary !== true) return kept(new TextDecoder().decode(said.value), redaction);
      return redaction.isIn(said.value) ? { ok: false, reason: 'a secret stands in it' } : said;
    }
  }
}

function kept(text: string, redaction: Redaction): Said<Uint8Array> {
  // What is cut off must not take the first half of a secret with it, so secrets go first.
  const octets = encode(redaction.text(text));
  const from = Math.max(0, octets.length - limits.entryOctets);
  return { ok: true, value: octets.subarray(from) };
}
