import type { KeySystem } from '../security-key/ports.ts';
import { runCommand } from './run-command.ts';

/** Of the FIDO alliance (USB HID Usage Tables 1.5, 27). */
const fidoUsagePage = 0xf1d0;

/** Security keys through node-hid, which speaks to /dev/hidraw*; loaded when the first is asked for. */
export const hidSecurityKeys: KeySystem = {
  async list() {
    const { default: hid } = await import('node-hid');
    await loadDrivers();
    const found = (await hid.devicesAsync()).filter(({ usagePage }) => usagePage === fidoUsagePage);
    return [...new Set(found.flatMap(({ path }) => (path === undefined ? [] : [path])))];
  },
  async open(path, on) {
    const { default: hid } = await import('node-hid');
    const device = await hid.HIDAsync.open(path, { nonExclusive: true });
    device.on('data', (report: Buffer) => on.report(new Uint8Array(report)));
    device.on('error', () => on.gone());
    return {
      // Reports of these keys have no numbers, which the system is told by a zero before them.
      write: async (report) => void (await device.write(Buffer.from([0, ...report]))),
      close: () => device.close(),
    };
  },
};

let loading: Promise<unknown> | null = null;

/** There is no udev to notice what somebody plugs in after the start. */
function loadDrivers(): Promise<unknown> {
  loading ??= runCommand('/sbin/modprobe', ['-a', '-b', '-q', '--', 'usbhid', 'hid-generic'], {
    timeoutMs: 60_000,
  });
  return loading;
}
