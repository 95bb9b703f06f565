import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, statSync, truncateSync, writeSync } from 'node:fs';
import { BuildError } from './build-error.ts';
import type { Tools } from './tools.ts';

/** What the initial RAM disk needs to open a verity root; all of it stands on the measured command line. */
export type VerityRoot = {
  /** SHA-256 root of the hash tree, hex: it pins every block of the root file system. */
  readonly rootHash: string;
  readonly salt: string;
  /** Number of 4096-octet data blocks; the verity superblock follows them, the hash tree follows it. */
  readonly dataBlocks: number;
};

const verityBlockSize = 4096;

/**
 * Appends a dm-verity hash tree to a file system image. The superblock's UUID is set to the root hash's first half,
 * by which the initial RAM disk tells the slot that belongs to it; the UUID is not part of the hash.
 */
export function appendVerity(path: string, tools: Tools): VerityRoot {
  const size = Math.ceil(statSync(path).size / verityBlockSize) * verityBlockSize;
  truncateSync(path, size);
  // A salt that follows from the content: fixed for a build, different for each.
  const salt = createHash('sha256').update(readFileSync(path)).digest('hex');
  const output = tools.run('veritysetup', [
    'format',
    `--salt=${salt}`,
    '--uuid=00000000-0000-0000-0000-000000000000',
    `--hash-offset=${size}`,
    `--data-blocks=${size / verityBlockSize}`,
    path,
    path,
  ]);
  const rootHash = /^Root hash:\s+([0-9a-f]{64})$/m.exec(output)?.[1];
  if (!rootHash) throw new BuildError('tool', `veritysetup printed no root hash:\n${output}`);
  const file = openSync(path, 'r+');
  // struct verity_sb: signature[8], version, hash_type, uuid[16]
  writeSync(file, Buffer.from(rootHash.slice(0, 32), 'hex'), 0, 16, size + 16);
  closeSync(file);
  return { rootHash, salt, dataBlocks: size / verityBlockSize };
}

/** The command line's part for a verity root, as image-builder/initrd/init reads it. */
export function verityArguments({ rootHash, salt, dataBlocks }: VerityRoot): string {
  return `roothash=${rootHash} verity.salt=${salt} verity.blocks=${dataBlocks}`;
}
