import { afterEach, describe, expect, test } from 'vitest';
import type { RunningProgram } from '../../firmware/netd/system-port.ts';
import { superviseProgram } from '../../firmware/system/supervised-program.ts';
import { eventually } from './namespace.ts';

const running: RunningProgram[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((program) => program.close()));
});

function supervise(script: string, log: string[] = []) {
  const lines: string[] = [];
  const program = superviseProgram(
    {
      command: process.execPath,
      args: ['-e', script],
      environment: { WORD: 'hythe' },
      onLine: (line) => lines.push(line),
    },
    (level, message) => log.push(`${level} ${message}`),
  );
  running.push(program);
  return { program, lines };
}

const grown = async (list: readonly unknown[], length: number) => {
  await eventually(
    () => Promise.resolve(list.length),
    (now) => now >= length,
  );
  return [...list];
};

const alive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('superviseProgram', () => {
  test('gives its lines and its environment, and starts it again when it ends', async () => {
    const log: string[] = [];
    const { lines } = supervise('console.log(process.env.WORD); process.exitCode = 3', log);
    expect(await grown(lines, 2)).toEqual(['hythe', 'hythe']);
    expect(log[0]).toMatch(/ended \(status 3\); it is started again in 500 ms/);
  });

  test('waits longer each time', async () => {
    const log: string[] = [];
    supervise('process.exit(1)', log);
    const ends = await grown(log, 2);
    expect(ends.map((line) => /in (\d+) ms/.exec(String(line))?.[1])).toEqual(['500', '1000']);
  });

  test('a program that is missing is an entry in the log, not an exception', async () => {
    const log: string[] = [];
    running.push(
      superviseProgram({ command: '/nonexistent/program', args: [] }, (_, message) => log.push(message)),
    );
    expect((await grown(log, 1))[0]).toMatch(/ENOENT/);
  });

  test('close ends it for good, even one that does not heed SIGTERM', async () => {
    const { program, lines } = supervise(
      "process.on('SIGTERM', () => {}); console.log(process.pid); setInterval(() => {}, 1000)",
    );
    const [pid] = await grown(lines, 1);
    expect(alive(Number(pid))).toBe(true);
    await program.close();
    expect(alive(Number(pid))).toBe(false);
    await program.close();
  });

  test('close between two runs starts none', async () => {
    const log: string[] = [];
    const { program, lines } = supervise('console.log(1)', log);
    await grown(log, 1);
    await program.close();
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(lines).toHaveLength(1);
  });

  test('hands signals on', async () => {
    const { program, lines } = supervise(
      "process.on('SIGUSR1', () => console.log('heard')); console.log('up'); setInterval(() => {}, 1000)",
    );
    await grown(lines, 1);
    program.signal('SIGUSR1');
    expect(await grown(lines, 2)).toEqual(['up', 'heard']);
  });
});
