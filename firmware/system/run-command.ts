import { spawn } from 'node:child_process';

export type CommandResult = { readonly status: number; readonly stdout: string; readonly stderr: string };

export type CommandOptions = {
  /** Written to standard input: the only way for secrets, since argv is world-readable. */
  readonly input?: string;
  /** After this the process gets SIGKILL and the result has status 124, as timeout(1) reports it. */
  readonly timeoutMs?: number;
  /** Output beyond this many characters is dropped. */
  readonly maxOutput?: number;
  /** Told what is on standard output so far, whenever more is. */
  readonly onOutput?: (stdout: string) => void;
};

/** Runs one program of the image. A program that is missing or fails is a result, not an exception. */
export function runCommand(
  command: string,
  args: readonly string[],
  { input, timeoutMs = 30_000, maxOutput = 4 * 1024 * 1024, onOutput }: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    let timedOut = false;
    const deadline = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (stdout.length >= maxOutput) return;
      stdout += text;
      onOutput?.(stdout);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (stderr.length < maxOutput) stderr += text;
    });
    child.on('error', (error) => {
      clearTimeout(deadline);
      resolve({ status: 127, stdout, stderr: error.message });
    });
    child.on('close', (code) => {
      clearTimeout(deadline);
      resolve({ status: timedOut ? 124 : (code ?? 128), stdout, stderr });
    });
    // A program may end before it has read all of its input.
    child.stdin.on('error', () => {});
    child.stdin.end(input ?? '');
  });
}
