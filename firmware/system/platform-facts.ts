import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  readSync,
} from 'node:fs';
import { join } from 'node:path';
import type { FactFiles } from '../boot/platform/facts.ts';

/** As many links as the kernel follows in one path (path_resolution(7)). */
const maxLinks = 40;

/**
 * Resolves a path the way a process whose root is `root` would see it: absolute links and `..` stay inside. The tree
 * is somebody's recording and may be hostile; it is taken to hold still while it is read.
 *
 * @returns the path outside, without any link in it below `root`, or null
 */
function resolveInside(root: string, path: string): string | null {
  const waiting = path.split('/').reverse();
  const inside: string[] = [];
  let links = 0;
  for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      inside.pop();
      continue;
    }
    const outside = join(root, ...inside, part);
    const stat = lstatSync(outside, { throwIfNoEntry: false });
    if (!stat) return null;
    if (!stat.isSymbolicLink()) {
      inside.push(part);
      continue;
    }
    links += 1;
    if (links > maxLinks) return null;
    const target = readlinkSync(outside);
    if (target.startsWith('/')) inside.length = 0;
    waiting.push(...target.split('/').reverse());
  }
  return join(root, ...inside);
}

function readRegularFile(path: string, maxOctets: number): Uint8Array | null {
  // A pipe in a recorded tree must not block the opening.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(descriptor).isFile()) return null;
    const octets = new Uint8Array(maxOctets);
    let length = 0;
    // sysfs and procfs say nothing of their files' sizes: read to the end.
    while (length < maxOctets) {
      const count = readSync(descriptor, octets, length, maxOctets - length, null);
      if (count === 0) break;
      length += count;
    }
    return octets.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Opens a tree of facts.
 *
 * @param root the folder that stands for `/`; by default the machine's own root
 */
export function openFactFiles(root = '/'): FactFiles {
  // The machine's own root has no outside to be kept from, and dozens of looks at folders take time when it starts.
  const place = (path: string): string | null => {
    if (root !== '/') return resolveInside(root, path);
    return existsSync(path) ? path : null;
  };
  return {
    read(path, maxOctets) {
      try {
        const found = place(path);
        return found === null ? null : readRegularFile(found, maxOctets);
      } catch {
        // Missing and unreadable are the same to detection.
        return null;
      }
    },
    has(path) {
      try {
        return place(path) !== null;
      } catch {
        return false;
      }
    },
  };
}
