import { spawn } from 'node:child_process';
import { createServer, type Socket } from 'node:net';

/** The first line on a connection: what to run, and in which network namespace. */
export type ProcessRequest = {
  readonly namespace: string | null;
  readonly command: string;
  readonly args: readonly string[];
};

/** What comes back, a JSON document a line; data in base64. */
export type ProcessReport =
  | { readonly event: 'started'; readonly group: number }
  | { readonly event: 'output' | 'error'; readonly data: string }
  | { readonly event: 'exit'; readonly status: number };

/** The port on which the guest's process server listens; only the machine that runs the tests can reach it. */
export const agentPort = 7000;

/**
 * Runs one process for each connection, in a process group of its own. What follows the first line is the process's
 * standard input, which ends when the client has no more to send.
 */
export async function runAgent(): Promise<void> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, serve);
  await new Promise<void>((resolve) => server.listen(agentPort, () => resolve()));
  process.stdout.write('lab: agent ready\n');
}

function serve(socket: Socket): void {
  let head = Buffer.alloc(0);
  const readHead = (chunk: Buffer) => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\n');
    if (end < 0) return;
    socket.off('data', readHead);
    socket.pause();
    const request = parseRequest(head.toString('utf8', 0, end));
    if (request === null) socket.destroy();
    else run(socket, request, head.subarray(end + 1));
  };
  socket.on('data', readHead);
  socket.on('error', () => socket.destroy());
}

/** Null for what is no request: another program that took this port of the machine for its own. */
function parseRequest(text: string): ProcessRequest | null {
  try {
    return JSON.parse(text) as ProcessRequest;
  } catch {
    return null;
  }
}

function run(socket: Socket, { namespace, command, args }: ProcessRequest, input: Buffer): void {
  const [program = '', ...rest] =
    namespace === null
      ? [command, ...args]
      : ['/usr/bin/busybox', 'nsenter', `--net=/run/netns/${namespace}`, '--', command, ...args];
  const child = spawn(program, rest, { stdio: 'pipe', detached: true });
  const tell = (report: ProcessReport) => {
    if (socket.writable) socket.write(`${JSON.stringify(report)}\n`);
  };
  const end = (status: number) => {
    tell({ event: 'exit', status });
    socket.end();
  };
  child.stdout.on('data', (data: Buffer) => tell({ event: 'output', data: data.toString('base64') }));
  child.stderr.on('data', (data: Buffer) => tell({ event: 'error', data: data.toString('base64') }));
  tell({ event: 'started', group: child.pid ?? 0 });
  child.on('error', () => end(127));
  child.on('close', (status) => end(status ?? 128));
  child.stdin.on('error', () => {});
  child.stdin.write(input);
  socket.pipe(child.stdin);
}
