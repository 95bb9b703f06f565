import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Said, SupportPorts } from '../support/bundle.ts';
import { limits } from '../support/limits.ts';
import { imageVersion } from './image-version.ts';
import { callLocalApi } from './local-api.ts';
import { runCommand } from './run-command.ts';

interface Places {
  /** Of files that nobody but the box reads. */
  readonly secretsFolder: string;
  readonly socketPath: string;
}

/** The operating system as a support bundle asks it. */
export function openSupportPorts({ secretsFolder, socketPath }: Places): SupportPorts {
  return {
    async ask(path) {
      const answer = await callLocalApi({ path, socketPath, timeoutMs: limits.sourceMs });
      if (!answer.ok) return answer;
      return answer.status === 200
        ? { ok: true, value: answer.body }
        : { ok: false, reason: `it was answered with status ${answer.status}` };
    },
    async run(program, args) {
      const { status, stdout, stderr } = await runCommand(program, args, { timeoutMs: limits.sourceMs });
      return status === 0
        ? { ok: true, value: stdout }
        : { ok: false, reason: `${stderr.trim()} (${status})` };
    },
    readFile: readEnd,
    async secretFiles() {
      const names = await readdir(secretsFolder, { withFileTypes: true }).catch(() => []);
      const files = names.filter((entry) => entry.isFile());
      return Promise.all(files.map(({ name }) => readFile(join(secretsFolder, name), 'utf8')));
    },
    compress: promisify(gzip),
    now: () => Date.now(),
    version: imageVersion(),
  };
}

/** Files of the kernel do not say how long they are: they are read to their end, and the last octets are kept. */
async function readEnd(path: string, atMost: number): Promise<Said<Uint8Array>> {
  try {
    const file = await open(path, 'r');
    try {
      let kept = new Uint8Array();
      const piece = new Uint8Array(64 * 1024);
      for (;;) {
        const { bytesRead } = await file.read(piece);
        if (bytesRead === 0) return { ok: true, value: kept };
        const all = new Uint8Array(kept.length + bytesRead);
        all.set(kept);
        all.set(piece.subarray(0, bytesRead), kept.length);
        kept = all.subarray(Math.max(0, all.length - atMost));
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
}
