import { createHash } from 'node:crypto';
import type { PcrAlgorithm } from './pcr-policy.ts';
import { readSections } from './pe.ts';

/**
 * The initial RAM disk as the kernel measures it into PCR 9: systemd's stub appends an archive for each of these sections
 * to the one of the kernel image, in this order (systemd-stub(7), "Initrd Resources"; systemd 257).
 */
const handedOn: readonly { readonly section: string; readonly file: string }[] = [
  { section: '.pcrsig', file: 'tpm2-pcr-signature.json' },
  { section: '.pcrpkey', file: 'tpm2-pcr-public-key.pem' },
  { section: '.osrel', file: 'os-release' },
];
const folder = '.extra';

/** File types and permissions that the stub gives them (cpio(5), new ASCII format). */
const modes = { folder: 0o040_555, file: 0o100_444 } as const;

/** Digests in hex of what a unified kernel image's initial RAM disk comes to, which nobody else adds anything to. */
export function measuredInitrd(uki: Uint8Array): Readonly<Record<PcrAlgorithm, string>> {
  const sections = readSections(uki);
  const parts = [
    padded(sections.get('.initrd') ?? new Uint8Array()),
    ...handedOn.flatMap(({ section, file }) => {
      const content = sections.get(section);
      return content === undefined ? [] : [archiveOf(file, content)];
    }),
  ];
  const digest = (algorithm: PcrAlgorithm) => {
    const hash = createHash(algorithm);
    for (const part of parts) hash.update(part);
    return hash.digest('hex');
  };
  return { sha256: digest('sha256'), sha384: digest('sha384') };
}

/** An archive of one file in its folder, each with an inode number from 1 and no time. */
function archiveOf(file: string, content: Uint8Array): Uint8Array {
  return Buffer.concat([
    entry({ inode: 1, mode: modes.folder, name: folder }),
    entry({ inode: 2, mode: modes.file, name: `${folder}/${file}`, content }),
    entry({ inode: 0, mode: 0, name: 'TRAILER!!!' }),
  ]);
}

/** Magic, thirteen numbers of eight digits each, the name with a NUL, the content; name and content end at multiples of 4. */
function entry({
  inode,
  mode,
  name,
  content = new Uint8Array(),
}: {
  readonly inode: number;
  readonly mode: number;
  readonly name: string;
  readonly content?: Uint8Array;
}): Uint8Array {
  const [user, group, links, time] = [0, 0, 1, 0];
  const devices = [0, 0, 0, 0];
  const checksum = 0;
  const fields = [
    inode,
    mode,
    user,
    group,
    links,
    time,
    content.length,
    ...devices,
    name.length + 1,
    checksum,
  ];
  const digits = fields.map((field) => field.toString(16).padStart(8, '0')).join('');
  // The stub has its trailer as a text, with upper-case digits.
  const header = inode === 0 ? digits.toUpperCase() : digits;
  return Buffer.concat([padded(Buffer.from(`070701${header}${name}\0`, 'latin1')), padded(content)]);
}

function padded(octets: Uint8Array): Uint8Array {
  return Buffer.concat([octets, new Uint8Array((4 - (octets.length % 4)) % 4)]);
}
