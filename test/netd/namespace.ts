import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type CommandResult, runCommand } from '../../firmware/system/run-command.ts';

/** Why tests in network namespaces cannot run here, or null where they can. */
export function missingForNamespaces(): string | null {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const missing = ['/sbin/ip', '/usr/sbin/nft', '/bin/busybox'].filter((path) => !existsSync(path));
  return missing.length === 0 ? null : `not installed: ${missing.join(', ')}`;
}

/** Why udhcpc's event script cannot run here, or null. */
export function missingForEventScript(): string | null {
  return existsSync('/bin/busybox') ? null : 'not installed: /bin/busybox';
}

export const eventScript = fileURLToPath(
  new URL('../../image-builder/root/usr/share/hithe/udhcpc-event', import.meta.url),
);

export const event6Script = fileURLToPath(
  new URL('../../image-builder/root/usr/share/hithe/dhcpcd-event', import.meta.url),
);

/** A script in a namespace that reads a JSON request a line and prints a JSON answer a line. */
export class Conversation {
  readonly #child: ChildProcess;
  readonly #lines: unknown[] = [];
  #arrived: (() => void) | null = null;
  #errors = '';

  constructor(namespace: string, script: string, args: readonly string[] = []) {
    const path = fileURLToPath(new URL(script, import.meta.url));
    this.#child = spawn('/sbin/ip', ['netns', 'exec', namespace, process.execPath, path, ...args]);
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
    if (this.#child.stdout) {
      createInterface(this.#child.stdout).on('line', (line) => {
        this.#lines.push(JSON.parse(line));
        this.#arrived?.();
      });
    }
    this.#child.once('exit', () => this.#arrived?.());
  }

  /** Everything that it said on standard error: its log. */
  get log(): string {
    return this.#errors;
  }

  send(request: unknown): void {
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
  }

  /** The next answer that fits; those before it are dropped. Fails with the log where the script ended or says nothing. */
  async next<T>(fits: (answer: T) => boolean = () => true, patienceMs = 10_000): Promise<T> {
    const deadline = Date.now() + patienceMs;
    for (;;) {
      while (this.#lines.length > 0) {
        const answer = this.#lines.shift() as T;
        if (fits(answer)) return answer;
      }
      const left = deadline - Date.now();
      if (left <= 0 || this.#child.exitCode !== null) throw new Error(`no answer; its log:\n${this.#errors}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#arrived = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async ask<T>(request: unknown): Promise<T> {
    this.send(request);
    return await this.next<T>();
  }

  /** Ends it at once, without a last word. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.stdin?.end();
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), 5000);
    await gone;
    clearTimeout(kill);
  }
}

/** What namespace-probe.ts does when it is told. */
export type ProbeRequest =
  | { do: 'all'; requests: readonly ProbeRequest[] }
  | { do: 'listen-tcp'; port: number }
  | { do: 'listen-udp'; port: number }
  | { do: 'listen-raw'; protocol: number }
  | { do: 'heard-raw'; protocol: number }
  | { do: 'connect-tcp'; host: string; port: number }
  | { do: 'ask-udp'; host: string; port: number; from?: number; size?: number }
  | { do: 'send-raw'; host: string; protocol: number };
export type TcpAnswer = 'open' | 'refused' | 'unreachable' | 'silent';
export type UdpAnswer = 'answered' | 'refused' | 'silent';

/** Namespaces of one test, joined by veth pairs; all is gone when the laboratory is disposed of. */
export class Laboratory {
  static #made = 0;
  readonly #prefix = `hithe-${process.pid}-${Laboratory.#made++}-`;
  readonly #namespaces: string[] = [];
  readonly #conversations: Conversation[] = [];
  readonly #services: ChildProcess[] = [];
  readonly #probes = new Map<string, Conversation>();
  readonly folder = mkdtempSync(join(tmpdir(), 'hithe-netd-'));

  async namespaces(...names: readonly string[]): Promise<void> {
    for (const name of names) {
      await this.#must('/sbin/ip', ['netns', 'add', this.#prefix + name]);
      this.#namespaces.push(name);
      await this.ip(name, 'link set lo up');
    }
  }

  async #must(command: string, args: readonly string[], input?: string): Promise<string> {
    const result = await runCommand(command, args, input === undefined ? {} : { input });
    if (result.status !== 0)
      throw new Error(`${command} ${args.join(' ')}: ${result.stderr || result.stdout}`);
    return result.stdout;
  }

  /** Joins two namespaces by a cable between two new interfaces, `box:eth0`. */
  async cable(a: string, b: string): Promise<void> {
    const [[spaceA = '', linkA = ''], [spaceB = '', linkB = '']] = [a.split(':'), b.split(':')];
    await this.#must('/sbin/ip', [
      ...['link', 'add', linkA, 'netns', this.#prefix + spaceA, 'type', 'veth'],
      ...['peer', 'name', linkB, 'netns', this.#prefix + spaceB],
    ]);
  }

  async ip(namespace: string, words: string): Promise<string> {
    return await this.#must('/sbin/ip', ['-n', this.#prefix + namespace, ...words.split(' ')]);
  }

  /** Runs a program in the namespace; how it ends is the caller's business. */
  async run(namespace: string, command: string, args: readonly string[], input = ''): Promise<CommandResult> {
    return await runCommand('/sbin/ip', ['netns', 'exec', this.#prefix + namespace, command, ...args], {
      input,
    });
  }

  async node<T>(namespace: string, script: string, input: unknown): Promise<T> {
    const path = fileURLToPath(new URL(script, import.meta.url));
    const { status, stdout, stderr } = await this.run(
      namespace,
      process.execPath,
      [path],
      JSON.stringify(input),
    );
    if (status !== 0) throw new Error(`${script}: ${stderr}`);
    return JSON.parse(stdout) as T;
  }

  converse(namespace: string, script: string, args: readonly string[] = []): Conversation {
    const conversation = new Conversation(this.#prefix + namespace, script, args);
    this.#conversations.push(conversation);
    return conversation;
  }

  /** Sends and receives in the namespace; see namespace-probe.ts. */
  async probe<T>(namespace: string, request: ProbeRequest): Promise<T> {
    const probe = this.#probes.get(namespace) ?? this.converse(namespace, './namespace-probe.ts');
    this.#probes.set(namespace, probe);
    return await probe.ask<T>(request);
  }

  /** Starts a program that runs until the laboratory is closed. */
  service(namespace: string, command: string, args: readonly string[]): void {
    this.#services.push(
      spawn('/sbin/ip', ['netns', 'exec', this.#prefix + namespace, command, ...args], {
        stdio: ['pipe', 'ignore', 'ignore'],
      }),
    );
  }

  /** Runs `ip` as a monitor from now on; the returned function gives what it has printed. */
  monitor(namespace: string, args: readonly string[]): () => string {
    const child = spawn('/sbin/ip', ['-n', this.#prefix + namespace, ...args], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.#services.push(child);
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    return () => text;
  }

  /** Several requests at once: each that meets silence takes its time. */
  async probes(namespace: string, requests: readonly ProbeRequest[]): Promise<readonly unknown[]> {
    return await this.probe(namespace, { do: 'all', requests });
  }

  async pings(namespace: string, host: string): Promise<boolean> {
    const { status } = await this.run(namespace, '/bin/busybox', ['ping', '-c', '1', '-W', '1', host]);
    return status === 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#conversations.map((conversation) => conversation.close()));
    for (const service of this.#services) service.kill('SIGKILL');
    for (const name of this.#namespaces) {
      // A runtime that was killed leaves the services behind that it had started.
      const { stdout } = await runCommand('/sbin/ip', ['netns', 'pids', this.#prefix + name]);
      for (const pid of stdout.split('\n').filter(Boolean)) tryKill(Number(pid));
      await runCommand('/sbin/ip', ['netns', 'delete', this.#prefix + name]);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

/** Looks again until the answer fits: for what the kernel does in its own time. Returns the last answer. */
export async function eventually<T>(
  look: () => Promise<T>,
  fits: (value: T) => boolean,
  patienceMs = 8000,
): Promise<T> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const value = await look();
    if (fits(value) || Date.now() > deadline) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
