import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { boardProfiles } from '../../firmware/boot/board-profiles.ts';
import { FrontPanelKeeper } from '../../firmware/boot/front-panel-keeper.ts';
import { hidPanelSystem } from '../../firmware/system/hid-panel.ts';

/** What the panel and its keeper did, in order: a line of JSON each. */
export type PanelStep =
  | { readonly lights: number }
  | { readonly pressed: boolean }
  | { readonly shown: boolean };

/** linux/uhid.h: `struct uhid_event` is a type and the largest of its contents, packed. */
const uhid = { destroy: 1, output: 6, create2: 11, input2: 12, eventOctets: 4380, dataOctets: 4096 } as const;
const busUsb = 3;

/** Four lights as generic indicators of the LED page (0x4B), one button (USB HID Usage Tables 1.5, 11 and 12). */
const descriptor = Buffer.from(
  [
    ...['0600ff', '0901', 'a101', '8501', '0508', '094b094b094b094b'],
    ...['1500', '2501', '7501', '9504', '9102', '9504', '9103'],
    ...['8502', '0509', '1901', '2901', '1500', '2501', '7501', '9501', '8102', '7507', '9501', '8103', 'c0'],
  ].join(''),
  'hex',
);

/** A panel that the kernel takes for one that somebody plugged in. */
class MadePanel implements AsyncDisposable {
  readonly #device: FileHandle;
  readonly #reading: Promise<void>;
  #isGone = false;

  private constructor(device: FileHandle, onLights: (lights: number) => void) {
    this.#device = device;
    this.#reading = this.#read(onLights);
  }

  static async make(
    vendorId: number,
    productId: number,
    onLights: (lights: number) => void,
  ): Promise<MadePanel> {
    const device = await open('/dev/uhid', constants.O_RDWR | constants.O_NONBLOCK);
    const event = Buffer.alloc(uhid.eventOctets);
    event.writeUInt32LE(uhid.create2, 0);
    event.write('Front panel of a test', 4, 'latin1');
    // After name (128), phys (64) and uniq (64).
    event.writeUInt16LE(descriptor.length, 260);
    event.writeUInt16LE(busUsb, 262);
    event.writeUInt32LE(vendorId, 264);
    event.writeUInt32LE(productId, 268);
    descriptor.copy(event, 280);
    await device.write(event);
    return new MadePanel(device, onLights);
  }

  async press(down: boolean): Promise<void> {
    const event = Buffer.alloc(uhid.eventOctets);
    event.writeUInt32LE(uhid.input2, 0);
    event.writeUInt16LE(2, 4);
    event.set([2, down ? 1 : 0], 6);
    await this.#device.write(event);
  }

  async #read(onLights: (lights: number) => void): Promise<void> {
    const event = Buffer.alloc(uhid.eventOctets);
    while (!this.#isGone) {
      const bytesRead = await this.#readEvent(event);
      // A read that waits would hold one of Node's threads, for which the process waits at its end.
      if (bytesRead === 0) await delay(5);
      if (bytesRead >= 6 && event.readUInt32LE(0) === uhid.output) onLights(event[5] ?? 0);
    }
  }

  async #readEvent(event: Buffer): Promise<number> {
    try {
      return (await this.#device.read(event, 0, event.length, null)).bytesRead;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return 0;
      throw error;
    }
  }

  /** As a panel that is pulled out. */
  async [Symbol.asyncDispose](): Promise<void> {
    const event = Buffer.alloc(4);
    event.writeUInt32LE(uhid.destroy, 0);
    await this.#device.write(event);
    this.#isGone = true;
    await this.#reading;
    await this.#device.close();
  }
}

/**
 * Makes a front panel as the profile of QEMU's machine has it, and works with it as the runtime does: lights, a press
 * that nobody asked for, one that was, and the panel pulled out.
 */
export async function runFrontPanel(): Promise<void> {
  const profile = boardProfiles().find(({ name }) => name === 'qemu-q35')?.frontPanel ?? null;
  if (profile === null) throw new Error('the profile names no panel');
  const say = (step: PanelStep) => void process.stdout.write(`${JSON.stringify(step)}\n`);
  let lit = -1;
  const facts = { networkWorks: true, troubles: 1, tunnelsUp: 2 };
  const keeper = new FrontPanelKeeper({
    ...{ system: hidPanelSystem, profile, facts: () => facts, uptimeSeconds: () => performance.now() / 1000 },
    log: (_level, message) => void process.stderr.write(`${message}\n`),
  });
  const until = async (lights: number): Promise<void> => {
    while (lit !== lights) {
      await keeper.update();
      await delay(20);
    }
    say({ lights });
  };
  const ask = () => {
    say({ shown: keeper.shown() });
  };
  ask();
  const panel = await MadePanel.make(profile.vendorId, profile.productId, (lights) => {
    lit = lights;
  });
  const press = async () => {
    for (const pressed of [true, false]) {
      await panel.press(pressed);
      say({ pressed });
    }
  };
  const { well, attention, tunnels, press: asking } = profile.lights.bits;
  await until((1 << attention) | (1 << tunnels));
  await press();
  facts.troubles = 0;
  await until((1 << well) | (1 << tunnels));
  ask();
  await until((1 << well) | (1 << tunnels) | (1 << asking));
  await press();
  await until((1 << well) | (1 << tunnels));
  ask();
  keeper.used();
  ask();
  await panel[Symbol.asyncDispose]();
  // Once it is known to be gone nobody is asked to press what is not there.
  while (!keeper.shown()) await delay(20);
  ask();
  await keeper.close();
  process.exit(0);
}
