import { vi } from 'vitest';
import { UsageError } from '../../firmware/cli/arguments.ts';

type Ended = { readonly status: number; readonly stdout: string; readonly stderr: string };

/** Runs a command of the command line in this process, which starts faster than another; 2 where it is used wrongly. */
export async function runHere(
  command: (args: readonly string[]) => Promise<number>,
  args: readonly string[],
): Promise<Ended> {
  const said = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((text) => {
      said[stream] += String(text);
      return true;
    }),
  );
  try {
    return { status: await command(args), ...said };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { status: 2, stdout: said.stdout, stderr: error.message };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
