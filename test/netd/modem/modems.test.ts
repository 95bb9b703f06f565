import { expect, test } from 'vitest';
import { limits } from '../../../firmware/netd/limits.ts';
import { LineReader } from '../../../firmware/netd/modem/at-answers.ts';
import { Modems } from '../../../firmware/netd/modem/modems.ts';
import type { Port } from '../../../firmware/netd/ports.ts';
import type { NetworkSystem } from '../../../firmware/netd/system-port.ts';
import type { NetworkSettings } from '../../../firmware/store/network-schema.ts';
import { createNetworkSystem } from '../../../firmware/system/network-system.ts';
import { ModemEmulator } from '../../../qemu/modem-emulator.ts';

const port: Port = {
  ...{ name: 'port2', role: 'underlay', label: null, mtu: null },
  nic: { kernelName: 'wwan0', devicePath: null, devicePort: 0, mac: null, driver: 'cdc_ether' },
};
const underlay = (apn: string, device = 'ttyUSB2'): NetworkSettings['underlay'] => ({
  ...{ ipv4: 'dhcp', ipv6: 'off' },
  uplinks: { port2: { ipv4: 'modem', modem: { device, apn } } },
});

/** A system whose only serial device is an emulated modem, in virtual time. */
function bench() {
  const modem = new ModemEmulator({});
  const opened: string[] = [];
  const log: string[] = [];
  let plugged = true;
  let close = () => {};
  let now = 0;
  const timers = new Set<{ at: number; callback: () => void }>();
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const system: NetworkSystem = {
    ...createNetworkSystem({ log: (level, message) => void log.push(`${level} ${message}`) }),
    monotonic: () => now,
    setTimer: (milliseconds, callback) => {
      const timer = { at: now + milliseconds, callback };
      timers.add(timer);
      return { close: () => void timers.delete(timer) };
    },
    openSerialLine: async (device, { onText, onClose }) => {
      if (!plugged || device !== 'ttyUSB2') return null;
      opened.push(device);
      const reader = new LineReader();
      close = onClose;
      return {
        write: (text) => {
          for (const command of reader.take(text)) queueMicrotask(() => onText(modem.answer(command)));
        },
        close: async () => void opened.pop(),
      };
    },
  };
  const pass = async (milliseconds: number) => {
    const until = now + milliseconds;
    for (;;) {
      await settle();
      const [next] = [...timers].toSorted((a, b) => a.at - b.at);
      if (next === undefined || next.at > until) break;
      timers.delete(next);
      now = next.at;
      next.callback();
    }
    now = until;
  };
  const plug = (isIn: boolean) => {
    plugged = isIn;
    if (isIn) return;
    opened.pop();
    close();
  };
  return { modem, system, opened, log, pass, plug };
}

test('a modem is followed through settings, a pulled plug, and the end', async () => {
  const { modem, system, opened, log, pass, plug } = bench();
  let changes = 0;
  const modems = new Modems(system, () => void changes++);
  await modems.follow([port], underlay('internet'));
  await pass(10);
  expect(modems.facts('wwan0')).toMatchObject({ connected: true, operator: 'Testnet' });
  expect(modems.leases().get('wwan0')?.address).toBe('10.64.1.2/30');
  expect(changes).toBe(1);
  await modems.follow([port], underlay('internet'));
  expect(opened).toHaveLength(1);

  plug(false);
  expect(modems.facts('wwan0')).toMatchObject({ device: 'absent', connected: false });
  expect(modems.leases().size).toBe(0);
  expect(changes).toBe(2);
  await pass(3 * limits.modemReopenMs);
  plug(true);
  await pass(limits.modemReopenMs);
  expect(modems.facts('wwan0')?.connected).toBe(true);
  expect(log).toEqual([
    'info modem ttyUSB2: connected by Testnet',
    'info modem ttyUSB2: not connected any more',
    'info modem ttyUSB2: connected by Testnet',
  ]);

  // Another access point is another connection; a port that is no uplink any more has none.
  await modems.follow([port], underlay('other'));
  await pass(10);
  expect(modem.heard).toContain('AT+CGDCONT=1,"IP","other"');
  await modems.follow([{ ...port, role: 'lan' }], underlay('other'));
  expect(modems.facts('wwan0')).toBe(null);
  expect(opened).toEqual([]);
  await modems.close();
});

test('another PIN in the settings is given to the SIM, and one that was refused is not sent again', async () => {
  const { modem, system, pass } = bench();
  modem.world.sim = 'SIM PIN';
  modem.world.pin = '4711';
  let kept: string | null = null;
  const simPins = {
    read: async () => kept,
    write: async (text: string) => {
      kept = text;
    },
  };
  const withPin = (pin: string): NetworkSettings['underlay'] => ({
    ...underlay('internet'),
    uplinks: { port2: { ipv4: 'modem', modem: { device: 'ttyUSB2', apn: 'internet', pin } } },
  });
  const sent = () => modem.heard.filter((command) => command.startsWith('AT+CPIN='));
  const first = new Modems({ ...system, simPins }, () => {});
  await first.follow([port], withPin('0815'));
  await pass(10 * limits.modemRoundMs);
  expect(first.facts('wwan0')?.problem).toBe('the SIM refuses the PIN of the settings');
  await first.close();
  const second = new Modems({ ...system, simPins }, () => {});
  await second.follow([port], withPin('0815'));
  await pass(10 * limits.modemRoundMs);
  expect(sent()).toEqual(['AT+CPIN="0815"']);
  await second.follow([port], withPin('4711'));
  await pass(10);
  expect(second.facts('wwan0')?.connected).toBe(true);
  expect(sent()).toEqual(['AT+CPIN="0815"', 'AT+CPIN="4711"']);
  await second.close();
});

test('one that is not there is looked for again, and one that hangs is opened anew', async () => {
  const { modem, system, opened, pass } = bench();
  const modems = new Modems(system, () => {});
  await modems.follow([port], underlay('internet', 'ttyACM0'));
  await pass(5 * limits.modemReopenMs);
  expect(modems.facts('wwan0')).toMatchObject({ device: 'absent', problem: null });
  await modems.follow([port], underlay('internet'));
  await pass(10);
  modem.world.hung = true;
  await pass(limits.modemRoundMs + limits.modemSilences * limits.modemAnswerMs);
  expect(modems.facts('wwan0')).toMatchObject({ connected: false, problem: 'the modem does not answer' });
  expect(opened).toEqual([]);
  modem.world.hung = false;
  await pass(limits.modemReopenMs);
  expect(modems.facts('wwan0')?.connected).toBe(true);
  await modems.close();
});
