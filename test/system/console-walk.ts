import { join } from 'node:path';
import { SerialPort } from 'serialport';
import type { Gateway } from '../../qemu/gateway.ts';
import { SerialConsole } from '../../qemu/serial-console.ts';

/** A screen comes within seconds, also from an emulated guest with much to do. */
const screenMs = 30_000;

/** What is pressed at a gateway's serial console, and what it then shows. */
export class ConsoleWalk {
  readonly #console: SerialConsole;

  constructor(console: SerialConsole) {
    this.#console = console;
  }

  /** From a serial port at the other end of the line, as a person has it, until the gateway's power goes. */
  static async fromSerialPort({ machine }: Gateway): Promise<ConsoleWalk> {
    const port = new SerialPort({ path: await machine.connectSerialPort(), baudRate: 115_200 });
    return new ConsoleWalk(new SerialConsole(port, join(machine.logFolder, 'serial-port.log')));
  }

  /** Presses keys, then waits for a screen that shows this; answers with what matched. */
  async press(keys: string, shows: RegExp, timeoutMs: number = screenMs): Promise<RegExpExecArray> {
    this.#console.write(keys);
    return this.#console.expect(shows, timeoutMs);
  }

  /** Waits for the newest screen to show this; what came before counts. */
  sees(shows: RegExp, timeoutMs: number = screenMs): Promise<RegExpExecArray> {
    return this.#console.expect(shows, timeoutMs);
  }

  /** From wherever one is to the menu. */
  async menu(): Promise<void> {
    // The first leaves what is open, the others the menus above it; none of them does anything on the status.
    await this.press('\x03\x03\x03\x03\f', /Enter: menu/);
    await this.press('\r', /7? .*0 {2}Back/s);
  }

  /** Runs a line in the failsafe shell that is open, and answers with what it printed. */
  async shell(line: string, timeoutMs: number = screenMs): Promise<string> {
    const end = `done-${Math.random().toString(36).slice(2)}`;
    // What is typed is echoed: the mark is only whole in what is printed.
    const [, printed = ''] = await this.press(
      `${line}; echo ${end.slice(0, 4)}''${end.slice(4)}\r`,
      new RegExp(`\\n([\\s\\S]*?)${end}`),
      timeoutMs,
    );
    return printed;
  }
}
