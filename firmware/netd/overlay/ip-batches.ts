import { type CommandRunner, programs } from '../system-port.ts';
import { OverlayError } from './error.ts';
import { limits } from './limits.ts';

/** For lines that name no address by which ip could tell. */
type IpVersion = 4 | 6;

/** Lines that are done together or fail together, and who waits for them. */
type Step = { readonly lines: string; readonly settle: (failure: OverlayError | null) => void };

/** A line that says something and costs next to nothing. ip ends where a line fails: so many of these as it said were reached. */
const milestone = { line: 'xfrm state count\n', said: /SAD count/g } as const;

/** From here on a status tells that the program did not end by itself, or never ran (POSIX sh § 2.8.2). */
const firstStatusOfFate = 124;

/**
 * Lines of many callers for `ip -batch -`, in the order of the calls. What comes while ip runs waits and goes together in
 * its next run: a thousand associations that come about at once cost a few processes, a single one waits for nobody.
 * Lines may hold keys, so they go to standard input, and nothing of that kind is in an error.
 */
export class IpBatches {
  readonly #run: CommandRunner;
  readonly #args: readonly string[];
  #steps: Step[] = [];
  #isRunning = false;

  constructor(run: CommandRunner, version?: IpVersion) {
    this.#run = run;
    this.#args = [...(version === undefined ? [] : [`-${version}`]), '-batch', '-'];
  }

  /**
   * Resolves when the kernel has taken all lines. Rejects with `OverlayError` `command-failed` at the first that it
   * refused; those before it are done, those after it are not.
   */
  async all(lines: string): Promise<void> {
    const failure = await this.#queue(lines);
    if (failure !== null) throw failure;
  }

  /**
   * Resolves when every line was tried: each may find nothing to do. `ip -force` is no help, since ip ends at once where
   * XFRM has nothing to delete.
   */
  async each(lines: string): Promise<void> {
    await Promise.all(
      lines
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => this.#queue(`${line}\n`)),
    );
  }

  #queue(lines: string): Promise<OverlayError | null> {
    if (lines === '') return Promise.resolve(null);
    return new Promise((settle) => {
      this.#steps.push({ lines, settle });
      if (!this.#isRunning) void this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#isRunning = true;
    // What the same turn of its caller still adds goes along.
    await Promise.resolve();
    while (this.#steps.length > 0) {
      const steps = this.#steps.splice(0, limits.stepsPerBatch);
      const { done, failure } = await this.#try(steps);
      for (const step of steps.slice(0, done)) step.settle(null);
      if (failure === null) continue;
      const [failed, ...untried] = steps.slice(done);
      failed?.settle(failure.error);
      if (failure.isOfAll) for (const step of untried) step.settle(failure.error);
      else this.#steps.unshift(...untried);
    }
    this.#isRunning = false;
  }

  async #try(steps: readonly Step[]) {
    // One alone needs no milestone: what fails is it.
    const input = steps.map(({ lines }) => lines).join(milestone.line);
    const { status, stdout, stderr } = await this.#run(programs.ip, this.#args, {
      input,
      maxOutput: limits.listingText,
    });
    if (status === 0) return { done: steps.length, failure: null };
    const error = new OverlayError('command-failed', `ip: ${withoutKeys(stderr)}`);
    // Output of a program that was killed is no account of what it did.
    const isOfAll = status >= firstStatusOfFate;
    const reached = isOfAll ? 0 : (stdout.match(milestone.said)?.length ?? 0);
    return { done: Math.min(reached, steps.length - 1), failure: { error, isOfAll } };
  }
}

/** ip may quote a word that it did not understand. Nothing of a key's length in hexadecimal leaves the overlay. */
export function withoutKeys(text: string): string {
  return text.trim().replaceAll(/(0x)?[0-9a-fA-F]{24,}/g, '[secret]');
}
