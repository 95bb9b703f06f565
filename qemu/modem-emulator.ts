import { createServer, type Server, type Socket } from 'node:net';
import { HarnessError } from './harness-error.ts';

/** What a modem is in, as its surroundings make it. */
export type ModemWorld = {
  sim: 'READY' | 'SIM PIN' | 'SIM PUK' | null;
  /** That a SIM wants which says `SIM PIN`, and how many wrong ones it still takes. */
  pin: string;
  pinTries: number;
  /** `<stat>` of 3GPP TS 27.007 § 10.1.22: 1 at home, 2 searching, 3 denied, 5 roaming. */
  registration: number;
  /** `<rssi>` of § 8.5. */
  signal: number;
  operator: string;
  /** Access points that the network knows. */
  accessPoints: readonly string[];
  /** What it gives a context, as `+CGCONTRDP` (§ 10.1.23) has it. */
  address: { readonly local: string; readonly gateway: string; readonly servers: readonly string[] };
  /** Answers nothing any more. */
  hung: boolean;
};

const cme = {
  simNotInserted: 10,
  simPinRequired: 11,
  incorrectPassword: 16,
  serviceOptionNotSubscribed: 133,
} as const;

/** A cellular modem of the kind that has a serial line for AT commands and a network interface for data. */
export class ModemEmulator {
  readonly world: ModemWorld;
  /** Every command that came. */
  readonly heard: string[] = [];
  readonly #onActive: (active: boolean) => void;
  #active = false;
  #accessPoint = '';
  #echo = true;

  /** @param onActive called when its network interface begins or stops to carry */
  constructor(world: Partial<ModemWorld>, onActive: (active: boolean) => void = () => {}) {
    this.world = {
      ...{
        sim: 'READY',
        pin: '0000',
        pinTries: 3,
        registration: 1,
        signal: 20,
        operator: 'Testnet',
        accessPoints: ['internet'],
      },
      ...{ address: { local: '10.64.1.2.255.255.255.252', gateway: '10.64.1.1', servers: ['10.64.1.1'] } },
      hung: false,
      ...world,
    };
    this.#onActive = onActive;
  }

  /** What the serial line says to a command, its echo first. */
  answer(command: string): string {
    this.heard.push(command);
    if (this.world.hung) return '';
    const echo = this.#echo ? `${command}\r` : '';
    return `${echo}${this.#linesOf(command)
      .map((line) => `\r\n${line}\r\n`)
      .join('')}`;
  }

  /** The network lets go of the context, as it does when the modem was out of reach. */
  deactivate(): void {
    this.#setActive(false);
  }

  /** As a SIM looks at its PIN (ETSI TS 102 221 § 11.1.9.1.1). */
  #tryPin(pin: string): boolean {
    const isRight = pin === this.world.pin;
    this.world.pinTries = isRight ? 3 : this.world.pinTries - 1;
    if (isRight) this.world.sim = 'READY';
    else if (this.world.pinTries === 0) this.world.sim = 'SIM PUK';
    return isRight;
  }

  #setActive(active: boolean): void {
    if (this.#active === active) return;
    this.#active = active;
    this.#onActive(active);
  }

  #linesOf(command: string): readonly string[] {
    const { sim, registration, signal, operator, accessPoints, address } = this.world;
    const refused = (code: number) => [`+CME ERROR: ${code}`];
    if (command === 'AT') return ['OK'];
    if (command === 'ATE0+CMEE=1') {
      this.#echo = false;
      return ['OK'];
    }
    if (command === 'AT+CPIN?') return sim === null ? refused(cme.simNotInserted) : [`+CPIN: ${sim}`, 'OK'];
    const [, pin] = /^AT\+CPIN="(.*)"$/.exec(command) ?? [];
    if (pin !== undefined && sim === 'SIM PIN')
      return this.#tryPin(pin) ? ['OK'] : refused(cme.incorrectPassword);
    if (sim !== 'READY') return refused(cme.simPinRequired);
    const [, accessPoint] = /^AT\+CGDCONT=1,"IP","([^"]*)"$/.exec(command) ?? [];
    if (accessPoint !== undefined) {
      this.#accessPoint = accessPoint;
      return ['OK'];
    }
    switch (command) {
      case 'AT+CEREG?':
        return [`+CEREG: 0,${registration}`, 'OK'];
      case 'AT+CSQ':
        // Modems say what happens to them between the lines of an answer, too.
        return ['+CRING: GPRS', `+CSQ: ${signal},99`, 'OK'];
      case 'AT+COPS?':
        return [`+COPS: 0,0,"${operator}",7`, 'OK'];
      case 'AT+CGACT?':
        return [`+CGACT: 1,${this.#active ? 1 : 0}`, 'OK'];
      case 'AT+CGACT=1,1':
        if (!accessPoints.includes(this.#accessPoint)) return refused(cme.serviceOptionNotSubscribed);
        this.#setActive(true);
        return ['OK'];
      case 'AT+CGCONTRDP=1': {
        const values = [address.local, address.gateway, ...address.servers].map((value) => `"${value}"`);
        return [`+CGCONTRDP: 1,5,"${this.#accessPoint}",${values.join(',')}`, 'OK'];
      }
      default:
        return ['ERROR'];
    }
  }
}

/** Puts a modem's serial line behind a TCP port of this machine, for a chardev of QEMU's to connect to. */
export class ModemLine implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  private constructor(server: Server, sockets: Set<Socket>) {
    const address = server.address();
    if (address === null || typeof address === 'string')
      throw new HarnessError('usage', 'The modem has no TCP port.');
    this.port = address.port;
    this.#server = server;
    this.#sockets = sockets;
  }

  static async open(modem: ModemEmulator): Promise<ModemLine> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      let text = '';
      socket.setEncoding('latin1').on('data', (part: string) => {
        const commands = (text + part).split('\r');
        text = commands.pop() ?? '';
        for (const command of commands) socket.write(modem.answer(command.trim()), 'latin1');
      });
      socket.on('error', () => socket.destroy());
      socket.once('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new ModemLine(server, sockets);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
