import { type Duplex, duplexPair } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { Qmp, type QmpEvent } from '../../qemu/qmp.ts';

/** The next command that arrives at QEMU's end. */
function nextCommand(monitor: Duplex): Promise<{ execute: string; arguments: unknown; id: number }> {
  return new Promise((resolve) => monitor.once('data', (chunk: string) => resolve(JSON.parse(chunk))));
}

function monitorOnALine() {
  const [client, monitor] = duplexPair();
  monitor.setEncoding('utf8');
  return { monitor, qmp: new Qmp(client) };
}

describe('QMP specification §2', () => {
  test('§2.3/2.4: a command carries its arguments and an id; the answer with that id is its result', async () => {
    const { monitor, qmp } = monitorOnALine();
    const first = nextCommand(monitor);
    const result = qmp.execute('device_add', { driver: 'usb-storage' });
    const command = await first;
    expect(command).toMatchObject({ execute: 'device_add', arguments: { driver: 'usb-storage' } });
    monitor.write(
      `{"return": "other", "id": ${command.id + 1}}\r\n{"return": {"a": 1}, "id": ${command.id}}\r\n`,
    );
    expect(await result).toEqual({ a: 1 });
  });

  test('§2.4.2: an error is a refusal in QEMU’s own words', async () => {
    const { monitor, qmp } = monitorOnALine();
    const first = nextCommand(monitor);
    const result = qmp.execute('loadvm');
    monitor.write(
      `{"error": {"class": "GenericError", "desc": "no such thing"}, "id": ${(await first).id}}\n`,
    );
    await expect(result).rejects.toMatchObject({ code: 'refused', message: 'QEMU refused: no such thing' });
  });

  test('§2.5: events reach the listeners, also when cut in two, until they leave', async () => {
    const { monitor, qmp } = monitorOnALine();
    const events: QmpEvent[] = [];
    const leave = qmp.onEvent((event) => events.push(event));
    monitor.write('{"QMP": {"version": {}, "capabilities": []}}\n{"event": "RESET", "da');
    monitor.write('ta": {"guest": true}}\n');
    await new Promise(setImmediate);
    leave();
    monitor.write('{"event": "STOP"}\n');
    await new Promise(setImmediate);
    expect(events).toEqual([{ event: 'RESET', data: { guest: true } }]);
  });

  test('a command that QEMU never answers ends with the time limit, or with QEMU', async () => {
    const { monitor, qmp } = monitorOnALine();
    await expect(qmp.execute('stop', {}, 10)).rejects.toMatchObject({ code: 'timeout' });
    const pending = qmp.execute('stop');
    monitor.end();
    await expect(pending).rejects.toMatchObject({ code: 'ended' });
    await expect(qmp.execute('cont')).rejects.toMatchObject({ code: 'ended' });
  });
});
