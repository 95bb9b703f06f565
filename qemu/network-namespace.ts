import { GuestProcess, type GuestProcessEnd } from './guest-process.ts';
import { HarnessError } from './harness-error.ts';

/** busybox's shell runs its own applets before PATH; this one lacks most of what the real program does. */
const realPrograms = 'ip() { /usr/bin/ip "$@"; }\n';

/** One machine's worth of network in the overlay guest. Files and processes are common to all of them. */
export class NetworkNamespace {
  /** Null for the guest's own. */
  readonly name: string | null;
  readonly #agentPort: number;

  constructor(agentPort: number, name: string | null) {
    this.#agentPort = agentPort;
    this.name = name;
  }

  /** Starts a process; what becomes of it is the caller's business. */
  start(command: string, args: readonly string[]): GuestProcess {
    return new GuestProcess(this.#agentPort, { namespace: this.name, command, args });
  }

  /** Starts a program of guest/main.ts. */
  program(
    name: 'associations' | 'box' | 'front-panel' | 'gateway' | 'offload' | 'time' | 'traffic',
    ...args: readonly string[]
  ): GuestProcess {
    return this.start('/usr/bin/node', ['--v8-pool-size=1', '/run/lab/programs.js', name, ...args]);
  }

  /** Runs a shell command to its end, with `input` on its standard input. */
  attempt(command: string, input = ''): Promise<GuestProcessEnd> {
    return this.start('/usr/bin/sh', ['-c', realPrograms + command]).finish(input);
  }

  /** As `attempt`, and a failure is an error with what the command said. Returns its standard output. */
  async run(command: string, input?: string): Promise<string> {
    const { status, output, error } = await this.attempt(command, input);
    if (status !== 0)
      throw new HarnessError(
        'refused',
        `${this.name ?? 'The guest'}: "${command}" ended with ${status}: ${error}${output}`,
      );
    return output;
  }
}
