import { beforeEach, describe, expect, test } from 'vitest';
import { ConsoleKeeper, type Terminal } from '../../firmware/boot/console-keeper.ts';
import type { ConsoleFacts } from '../../firmware/console/console-facts.ts';
import { limits } from '../../firmware/console/limits.ts';
import type { ReplaceIdentityOutcome } from '../../firmware/webui/ports.ts';
import { unclaimed } from '../console/facts.ts';
import { openTestConfiguration } from '../webui/test-configuration.ts';

/** A terminal as somebody sees it who looks at it now and then. */
class Glass implements Terminal {
  readonly name: string;
  readonly written: string[] = [];
  failure: string | null = null;
  /** Set: a write ends when it is called. */
  held: (() => void)[] | null = null;
  shells = 0;
  endShell: () => void = () => undefined;

  constructor(name: string) {
    this.name = name;
  }

  get screen(): string {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: ESC begins a control sequence
    return (this.written.at(-1) ?? '').replace(/\x1b\[[0-9;]*[A-Za-z]/g, '');
  }

  async write(text: string): Promise<string | null> {
    this.written.push(text);
    const { held } = this;
    if (held !== null) await new Promise<void>((resolve) => held.push(resolve));
    return this.failure;
  }

  runShell(end: AbortSignal): Promise<string | null> {
    this.shells += 1;
    return new Promise((resolve) => {
      this.endShell = () => resolve(null);
      end.addEventListener('abort', () => resolve(null));
    });
  }

  async close(): Promise<void> {}
}

/** Lets everything that was started run until it waits for something of the test's. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

let facts: ConsoleFacts;
let seconds: number;
let box: ReturnType<typeof openTestConfiguration>;
let said: string[];
let audited: string[][];
let done: string[];
let replaced: ReplaceIdentityOutcome;
let glasses: Glass[];
let type: (terminal: string, text: string) => Promise<void>;
let disturb: () => void;
let keeper: ConsoleKeeper;

beforeEach(async () => {
  facts = { ...unclaimed, claimCode: null };
  [seconds, said, done, audited] = [0, [], [], []];
  box = openTestConfiguration();
  replaced = { outcome: 'other-identity', hit: null };
  glasses = [new Glass('ttyS0'), new Glass('tty1')];
  const act = (name: string) => async () => {
    done.push(name);
    return null;
  };
  keeper = new ConsoleKeeper({
    consoles: [{ device: 'ttyS0', baud: 115200 }],
    system: {
      findTerminals(_consoles, onOctets) {
        type = async (terminal, text) => {
          onOctets(terminal, new TextEncoder().encode(text));
          await settle();
        };
        return glasses;
      },
      onDisturbed: (listener) => {
        disturb = listener;
      },
    },
    configuration: box.configuration,
    replaceIdentity: async (hit) => {
      done.push(`replace ${hit}`);
      return replaced;
    },
    factoryReset: {
      begin: async (identity, by) => {
        done.push(`reset ${identity} by ${by}`);
        return null;
      },
    },
    recoveryCode: () => (facts.claimCode === null ? 'ABCD-EFGH' : null),
    restart: act('restart'),
    powerOff: async () => 'init is gone',
    facts: () => ({ ...facts, status: { ...facts.status, trial: box.configuration.trial() } }),
    uptimeSeconds: () => seconds,
    audit: { add: ({ who, act, what, outcome }) => audited.push([who, act, what, outcome]) },
    log: (_level, message) => said.push(message),
  });
  keeper.open();
  await settle();
});

const [serial, screen] = [() => at(0), () => at(1)];
function at(index: number): Glass {
  const glass = glasses[index];
  if (glass === undefined) throw new RangeError(`there is no terminal ${index}`);
  return glass;
}

describe('what the consoles show', () => {
  test('the status, on all of them', () => {
    for (const glass of glasses) expect(glass.screen).toContain(unclaimed.status.hostname);
    expect(said).toEqual([]);
  });

  test('is drawn again when it changes, and not when it does not', async () => {
    keeper.update();
    await settle();
    expect(serial().written).toHaveLength(1);
    facts = { ...facts, measuredBoot: 'DIFFERS in loader' };
    keeper.update();
    await settle();
    expect(serial().screen).toContain('DIFFERS in loader');
    expect(serial().written).toHaveLength(2);
  });

  test('is drawn from scratch after something else has written there', async () => {
    expect(serial().written[0]).toContain('\x1b[2J');
    disturb();
    keeper.update();
    await settle();
    expect(serial().written).toHaveLength(2);
    expect(serial().written[1]).toContain('\x1b[2J');
  });

  test('a terminal that takes its time gets the newest screen, none in between', async () => {
    const glass = serial();
    glass.held = [];
    for (const measuredBoot of ['one', 'two', 'three']) {
      facts = { ...facts, measuredBoot };
      keeper.update();
    }
    glass.held.shift()?.();
    await settle();
    expect(glass.written).toHaveLength(3);
    expect(glass.screen).toContain('three');
  });

  test('a terminal that fails is told of once, and tried again', async () => {
    serial().failure = 'nothing takes the characters';
    for (const measuredBoot of ['one', 'two']) {
      facts = { ...facts, measuredBoot };
      keeper.update();
      await settle();
    }
    expect(said.filter((line) => line.includes('nothing takes'))).toHaveLength(1);
    serial().failure = null;
    keeper.update();
    await settle();
    expect(serial().screen).toContain('two');
  });
});

describe('at the menu', () => {
  test('each terminal has its own state', async () => {
    await type('ttyS0', '\r');
    expect(serial().screen).toContain('Factory reset');
    expect(screen().screen).not.toContain('Factory reset');
  });

  test('nobody types for a while: the status is back', async () => {
    await type('ttyS0', '\r1');
    seconds = limits.idleSeconds;
    keeper.update();
    expect(serial().screen).toContain('LAN address');
    seconds += 1;
    keeper.update();
    await settle();
    expect(serial().screen).toContain('Enter: menu');
  });

  test('the LAN address is changed on trial and kept; the console is named in the history', async () => {
    box.store.save({ version: 1, hostname: 'gate', network: { lan: { dhcpServer: false } } }, 'web');
    await type('ttyS0', '\r1110.9.0.1/24\r');
    expect(serial().screen).toContain('On trial for 120 s');
    await type('ttyS0', '\r');
    expect(serial().screen).toMatch(/5 {2}KEEP the change on trial/);
    await type('ttyS0', '5');
    expect(serial().screen).toContain('The change stays.');
    const view = box.configuration.read();
    expect(view.ok && view.value).toMatchObject({
      ...{ trial: null, revision: { author: 'console ttyS0', outcome: 'confirmed' } },
      saved: { hostname: 'gate', network: { lan: { address: '10.9.0.1/24', dhcpServer: false } } },
    });
  });

  test('a change is taken back at once where somebody says so', async () => {
    await type('tty1', '\r1210.9.0.1/24\r');
    await type('tty1', '\r6');
    expect(screen().screen).toContain('in force again');
    const view = box.configuration.read();
    expect(view.ok && view.value.revision).toBeNull();
  });

  test.each([
    ['\r13', 'dhcp'],
    ['\r1410.1.1.2/24\r10.1.1.1\r', { address: '10.1.1.2/24', gateway: '10.1.1.1', dns: [] }],
    ['\r1410.1.1.2/24\r\r', { address: '10.1.1.2/24', dns: [] }],
  ])('an uplink: %j', async (typed, ipv4) => {
    box.store.save({ version: 1, network: { underlay: { ipv4: { address: '10.7.7.7/24' } } } }, 'web');
    await type('ttyS0', typed);
    const view = box.configuration.read();
    expect(view.ok && view.value.inForce).toMatchObject({ network: { underlay: { ipv4 } } });
  });

  test('what is no address is said to be none, by the settings’ own schema', async () => {
    await type('ttyS0', '\r11not an address\r');
    expect(serial().screen).toContain('DID NOT WORK');
    expect(serial().screen).toContain('network.lan.address');
    expect(box.configuration.trial()).toBeNull();
  });

  test('a code for a new password; none before the box is claimed', async () => {
    await type('ttyS0', '\r2');
    expect(serial().screen).toContain('ABCD-EFGH');
    expect(said.join()).not.toContain('ABCD');
  });

  test('a factory reset needs the host name, and says who wanted it', async () => {
    await type('ttyS0', '\r42wrong\r');
    expect(done).toEqual([]);
    await type('ttyS0', `${facts.status.hostname}\r`);
    expect(done).toEqual(['reset new by console ttyS0']);
    expect(said).toContain('ttyS0: factory-reset');
    expect(audited).toEqual([['console', 'factory-reset', 'ttyS0', 'done']]);
  });

  test('an identity that has changed meanwhile, one that was replaced, one that could not be', async () => {
    await type('ttyS0', '\r3replace\r');
    expect(serial().screen).toContain('has changed meanwhile');
    replaced = { outcome: 'replaced', identity: { ...facts.status.identity, hit: '2001:22::99' } };
    await type('ttyS0', '\r\r3replace\r');
    expect(serial().screen).toContain('2001:22::99');
    replaced = { outcome: 'failed', problem: { code: 'X', message: 'No TPM.', advice: 'Buy one.' } };
    await type('ttyS0', '\r\r3replace\r');
    expect(serial().screen).toMatch(/DID NOT WORK[\s\S]*No TPM[\s\S]*Buy one/);
    expect(done).toEqual(Array(3).fill(`replace ${facts.status.identity.hit}`));
  });

  test('restart, and a machine that does not switch itself off', async () => {
    await type('ttyS0', '\r5restart\r');
    expect(done).toEqual(['restart']);
    await type('tty1', '\r6off\r');
    expect(screen().screen).toContain('init is gone');
    expect(audited.at(-1)).toEqual(['console', 'power-off', 'tty1', 'failed']);
  });
});

describe('the shell', () => {
  const allowed = () => {
    facts = { ...facts, shellAllowed: true };
  };

  test('has the terminal to itself until it ends', async () => {
    allowed();
    await type('ttyS0', '\r7');
    const before = serial().written.length;
    keeper.update();
    await type('ttyS0', 'rm -rf /\r');
    expect([serial().shells, serial().written.length]).toEqual([1, before]);
    serial().endShell();
    await settle();
    expect(serial().screen).toContain('The shell has ended.');
  });

  test('is not offered where the settings do not allow it, and ends when they stop to', async () => {
    await type('ttyS0', '\r7');
    expect(serial().shells).toBe(0);
    allowed();
    await type('ttyS0', '7');
    expect(serial().shells).toBe(1);
    facts = { ...facts, shellAllowed: false };
    keeper.update();
    await settle();
    expect(serial().screen).toContain('The shell has ended.');
  });
});
