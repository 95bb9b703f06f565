import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, watch, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import type { SimPinFile } from '../netd/modem/sim-pins.ts';
import type { LogLevel, NetworkSystem } from '../netd/system-port.ts';
import { nameServerAnswers } from './name-server-probe.ts';
import { listPhysicalNics } from './physical-nics.ts';
import { runCommand } from './run-command.ts';
import { superviseProgram } from './supervised-program.ts';

/** The operating system as the network room uses it. Files of /proc and /sys answer at once, so they are read in step. */
export function createNetworkSystem(options: {
  readonly log: (level: LogLevel, message: string) => void;
  readonly runFolder?: string;
  readonly dhcpEventScript?: string;
  readonly dhcpv6EventScript?: string;
  readonly simPins?: SimPinFile;
}): NetworkSystem {
  const { log, runFolder = '/run/hithe' } = options;
  const {
    dhcpEventScript = '/usr/share/hithe/udhcpc-event',
    dhcpv6EventScript = '/usr/share/hithe/dhcpcd-event',
  } = options;

  const simPins = options.simPins ?? {
    read: async () => null,
    write: () => Promise.reject(new Error('nothing outlives a restart here')),
  };

  function attempt(change: () => void): string | null {
    try {
      change();
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  function readText(path: string): string | null {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return null;
    }
  }

  return {
    log,
    runFolder,
    dhcpEventScript,
    dhcpv6EventScript,
    run: runCommand,
    simPins,
    nameServerAnswers,
    openSerialLine: async (device, listener) => {
      const { openSerialLine } = await import('./serial-line.ts');
      return openSerialLine(device, listener);
    },
    askByUdp: async (...question) => (await import('./clock.ts')).askByUdp(...question),
    openTimeSocket: async (link, onQuestion) => {
      const { openTimeSocket } = await import('./time-socket.ts');
      return openTimeSocket(link, onQuestion);
    },
    random: (octets) => new Uint8Array(randomBytes(octets)),
    wallClock: () => Date.now(),
    correctClock: async (how, milliseconds) => (await import('./clock.ts')).correctClock(how, milliseconds),
    monotonic: () => performance.now(),
    supervise: (program) => superviseProgram(program, log),
    listNics: () => listPhysicalNics(),
    cpus: availableParallelism(),
    readText,
    readKernelValue: (path) => readText(path)?.trimEnd() ?? null,
    writeKernelValue: (path, value) => attempt(() => writeFileSync(path, value)),
    listFolder: (path) => {
      try {
        return readdirSync(path);
      } catch {
        return [];
      }
    },
    replaceText: (path, text) =>
      attempt(() => {
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(`${path}.new`, text);
        renameSync(`${path}.new`, path);
      }),
    removeFile: (path) => rmSync(path, { force: true }),
    watchFolder: (path, onChange) => {
      mkdirSync(path, { recursive: true });
      const watcher = watch(path, { persistent: false }, () => onChange());
      watcher.on('error', (error) => log('error', `${path} is not watched any more: ${error.message}`));
      return watcher;
    },
    setTimer: (milliseconds, callback) => {
      const timer = setTimeout(callback, milliseconds);
      return { close: () => clearTimeout(timer) };
    },
  };
}
