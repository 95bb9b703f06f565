import type { PanelSystem } from '../boot/front-panel-keeper.ts';

/** Front panels through node-hid, which speaks to /dev/hidraw*; loaded where a board has one. */
export const hidPanelSystem: PanelSystem = {
  async openPanel({ vendorId, productId }, on) {
    const { default: hid } = await import('node-hid');
    const found = (await hid.devicesAsync(vendorId, productId)).find(({ path }) => path !== undefined);
    if (found?.path === undefined) return null;
    const device = await hid.HIDAsync.open(found.path, { nonExclusive: true });
    device.on('data', (report: Buffer) => on.report(new Uint8Array(report)));
    device.on('error', () => on.gone());
    return {
      write: async (report) => void (await device.write(Buffer.from(report))),
      close: () => device.close(),
    };
  },
};
