import { runCommand } from './run-command.ts';

/** busybox's own names: they signal init, which lets the runtime end in order and unmounts state. */
async function signalInit(applet: 'reboot' | 'poweroff'): Promise<string | null> {
  const { status, stderr } = await runCommand('/usr/bin/busybox', [applet]);
  return status === 0 ? null : stderr.trim() || `${applet} ended with status ${status}`;
}

const answerMs = 500;

/** Resolves with why it does not, or null; then the machine ends within seconds. */
export const machinePower = {
  restart: () => signalInit('reboot'),
  /** Leaves an answer the time to reach whoever asked. */
  restartSoon(onFailure: (reason: string) => void): void {
    setTimeout(async () => {
      const reason = await signalInit('reboot');
      if (reason !== null) onFailure(reason);
    }, answerMs);
  },
  powerOff: () => signalInit('poweroff'),
};
