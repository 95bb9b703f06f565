import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { TpmAccess } from '../../firmware/boot/tpm-status.ts';
import { openTpmSocket } from '../../firmware/system/tpm-device.ts';
import { Tpm } from '../../firmware/tpm/client.ts';

const run = promisify(execFile);

/** An emulated TPM in a process and a folder of its own, listening on loopback only. */
export type Swtpm = AsyncDisposable & {
  /** A scratch folder that goes with the TPM. */
  readonly directory: string;
  open(): Promise<Extract<TpmAccess, { state: 'open' }>>;
  /** Opens, lends the client and closes, so that tools can connect afterwards: swtpm serves one at a time. */
  use<Value>(job: (tpm: Tpm) => Promise<Value>): Promise<Value>;
  /** Runs one of tpm2-tools against this TPM in `directory`. */
  tool(name: string, ...args: string[]): Promise<string>;
  /** Ends the process at once, as a TPM that dies would. */
  kill(): Promise<void>;
};

export async function startSwtpm({
  startup = true,
  manufacture = async () => {},
}: {
  readonly startup?: boolean;
  /** Works on the TPM's folder before the TPM is first switched on. */
  readonly manufacture?: (directory: string) => Promise<void>;
} = {}): Promise<Swtpm> {
  const directory = await mkdtemp(join(tmpdir(), 'hithe-swtpm-'));
  await manufacture(directory);
  // tpm2-tools take the control port to be the one after the command port.
  const port = await freePortPair();
  const flags = startup ? 'not-need-init,startup-clear' : 'not-need-init';
  // With the signal of its parent's death no emulator is left behind by a test run that crashes.
  const server = spawn(
    'setpriv',
    [
      '--pdeathsig',
      'KILL',
      'swtpm',
      'socket',
      '--tpm2',
      '--tpmstate',
      `dir=${directory}`,
      '--server',
      `type=tcp,port=${port},bindaddr=127.0.0.1`,
      '--ctrl',
      `type=tcp,port=${port + 1},bindaddr=127.0.0.1`,
      '--flags',
      flags,
    ],
    { stdio: 'ignore' },
  );
  const open = async () => {
    for (let attempt = 0; ; attempt++) {
      const opened = await openTpmSocket({ host: '127.0.0.1', port });
      if (opened.state === 'open') return opened;
      if (attempt === 100 || server.exitCode !== null) throw new Error('swtpm does not answer');
      await wait(50);
    }
  };
  const kill = () => endProcess(server);
  return {
    directory,
    open,
    kill,
    async use(job) {
      const opened = await open();
      try {
        return await job(new Tpm({ transmit: opened.transmit, wait }));
      } finally {
        await opened.close();
      }
    },
    async tool(name, ...args) {
      const tcti = `swtpm:host=127.0.0.1,port=${port}`;
      const { stdout } = await run(name, [...args, '-T', tcti], { cwd: directory });
      return stdout;
    },
    async [Symbol.asyncDispose]() {
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function endProcess(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    server.once('exit', () => resolve());
    server.kill('SIGKILL');
  });
}

async function freePortPair(): Promise<number> {
  for (;;) {
    const port = await boundPort(0);
    if (port < 65_535 && (await boundPort(port + 1).catch(() => 0)) !== 0) return port;
  }
}

/** Binds `port` (0: any that is free) on loopback, gives it back and tells its number. */
function boundPort(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(port, '127.0.0.1', () => {
      const address = probe.address();
      const bound = typeof address === 'object' && address !== null ? address.port : 0;
      probe.close(() => resolve(bound));
    });
  });
}
