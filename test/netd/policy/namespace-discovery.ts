// Runs in a network namespace: who is seen on the link `lan`, as the firmware finds it. Each line of standard input asks
// for the list, which is one line of JSON.
import { createInterface } from 'node:readline';
import { DeviceDiscovery, type ListedDevice } from '../../../firmware/netd/policy/discovery.ts';
import { listenForNames } from '../../../firmware/system/multicast-dns.ts';
import { createNetworkSystem } from '../../../firmware/system/network-system.ts';

/** What it answers. */
export type DiscoveryAnswer = readonly ListedDevice[];

const [runFolder = ''] = process.argv.slice(2);
const log = (level: string, text: string) => void process.stderr.write(`${level} ${text}\n`);
const system = createNetworkSystem({ log, runFolder });
const discovery = new DeviceDiscovery({ ...system, now: Date.now, listenForNames }, null);
discovery.follow(['lan']);
for await (const _ of createInterface(process.stdin))
  process.stdout.write(`${JSON.stringify((await discovery.describe([])) satisfies DiscoveryAnswer)}\n`);
await discovery.close();
