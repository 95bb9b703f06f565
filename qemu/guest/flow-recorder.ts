import { mkdirSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FlowKeeper } from '../../firmware/boot/flow-keeper.ts';
import { FlowStore } from '../../firmware/store/flow-store.ts';
import type { NetworkSettings } from '../../firmware/store/network-schema.ts';
import { defaultSettings } from '../../firmware/store/settings-schema.ts';
import { openFlowSockets } from '../../firmware/system/flow-sockets.ts';
import { storeFiles } from '../../firmware/system/store-files.ts';

/** Records flows as the firmware does, in a folder of the caller's. */
export function flowRecorder(folder: string, log: (level: string, message: string) => void): FlowKeeper {
  mkdirSync(folder, { recursive: true });
  const pause = async () => void (await nextTurn());
  return new FlowKeeper({
    openKernel: openFlowSockets,
    openStore: (bounds, warn) =>
      FlowStore.open(folder, bounds, {
        files: storeFiles,

        now: () => Date.now(),
        pause,
        warn,
      }),
    stateMebibytes: () => 256,
    interfaces: () => [],
    now: () => Date.now(),
    setTimer: (milliseconds, callback) => {
      const timer = setTimeout(callback, milliseconds);
      return { close: () => clearTimeout(timer) };
    },
    ...{ pause, log },
    warn: ({ code, message }) => log('warning', `${code}: ${message}`),
    clearWarning: () => undefined,
  });
}

/** The settings of a network as a namespace's link has it. */
export function networkOf(link: string): NetworkSettings {
  const addresses = (networkInterfaces()[link] ?? []).filter(
    ({ scopeid }) => scopeid === undefined || scopeid === 0,
  );
  const find = (family: string) => addresses.find((found) => found.family === family)?.cidr ?? undefined;
  const { network } = defaultSettings;
  const [address = network.lan.address, ipv6] = [find('IPv4'), find('IPv6')];
  return { ...network, lan: { ...network.lan, address, ...(ipv6 === undefined ? {} : { ipv6 }) } };
}
