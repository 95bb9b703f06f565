import { beforeEach, describe, expect, test } from 'vitest';
import { FrontPanelKeeper } from '../../firmware/boot/front-panel-keeper.ts';

const profile = {
  ...{ vendorId: 1, productId: 2, button: { report: 2, bit: 0 } },
  lights: { report: 1, bits: { well: 0, attention: 1, tunnels: 2, press: 3 } },
};

let plugged: boolean;
let failure: string | null;
let written: number[];
let said: string[];
let opened: number;
let seconds: number;
let panel: { report: (report: Uint8Array) => void; gone: () => void };
let keeper: FrontPanelKeeper;

beforeEach(() => {
  [plugged, failure, written, said, opened, seconds] = [true, null, [], [], 0, 0];
  keeper = keeperOf(profile);
});

const keeperOf = (of: typeof profile | null) =>
  new FrontPanelKeeper({
    system: {
      async openPanel(_device, on) {
        if (!plugged) return null;
        panel = on;
        opened += 1;
        return {
          async write(report) {
            if (failure !== null) throw new Error(failure);
            written.push(report[1] ?? -1);
          },
          close: async () => undefined,
        };
      },
    },
    profile: of,
    facts: () => ({ networkWorks: true, troubles: 0, tunnelsUp: 0 }),
    uptimeSeconds: () => seconds,
    log: (_level, message) => said.push(message),
  });

const press = async () => {
  for (const octet of [1, 0]) panel.report(Uint8Array.of(2, octet));
  await keeper.update();
};

describe('presence', () => {
  test('is not asked for where the board has no panel, or none is plugged in', async () => {
    const without = keeperOf(null);
    await without.update();
    expect([without.shown(), opened]).toEqual([true, 0]);
    plugged = false;
    await keeper.update();
    expect(keeper.shown()).toBe(true);
  });

  test('takes one press, which is used up', async () => {
    await keeper.update();
    expect(keeper.shown()).toBe(false);
    await press();
    expect([keeper.shown(), keeper.shown()]).toEqual([true, true]);
    keeper.used();
    expect(keeper.shown()).toBe(false);
  });

  test('is gone with the panel, and asked for again when one is back', async () => {
    await keeper.update();
    keeper.shown();
    await press();
    panel.gone();
    await keeper.update();
    expect(opened).toBe(2);
    expect(keeper.shown()).toBe(false);
  });
});

describe('lights', () => {
  test('are written when they change', async () => {
    await keeper.update();
    await keeper.update();
    expect(written).toEqual([1]);
    keeper.shown();
    await new Promise((resolve) => setImmediate(resolve));
    await keeper.update();
    expect(written).toEqual([1, 9]);
    seconds = 60;
    await keeper.update();
    expect(written).toEqual([1, 9, 1]);
  });

  test('of a panel that fails: told once, and tried again', async () => {
    failure = 'EIO';
    await keeper.update();
    await keeper.update();
    expect(said.filter((line) => line.includes('EIO'))).toHaveLength(1);
    failure = null;
    await keeper.update();
    expect(written).toEqual([1]);
  });
});
