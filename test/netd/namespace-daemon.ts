// Runs in a network namespace: the network room with the real system, but with veth ends for NICs.
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Network, startNetwork } from '../../firmware/netd/netd.ts';
import type { Nic } from '../../firmware/netd/ports.ts';
import type { NetworkStatus, UplinkAddress } from '../../firmware/netd/status.ts';
import type { NetworkSettings } from '../../firmware/store/network-schema.ts';
import { createNetworkSystem } from '../../firmware/system/network-system.ts';

export type DaemonInput = {
  settings: NetworkSettings;
  /** Or whatever links of the namespace have names such as `eth0`, looked up each time. */
  nics: Nic[] | 'those-there';
  claimed: boolean;
  runFolder: string;
  script: string;
  script6?: string;
  /** Programs that this machine does not have, by their path in the image: what is run in their stead. */
  programs?: Record<string, string[]>;
  /** nft fails, as where its modules are missing, until `mend-nft`. */
  nftBroken?: boolean;
};
export type DaemonRequest =
  | { do: 'claimed'; claimed: boolean }
  | { do: 'reconfigure'; settings: NetworkSettings }
  | { do: 'nics'; nics: Nic[] }
  | { do: 'mend-nft' }
  | { do: 'refresh' };
export type DaemonAnswer = {
  event: 'started' | 'done' | 'changed';
  uplinks: readonly UplinkAddress[];
  status: NetworkStatus;
};

const input = JSON.parse(process.argv[2] ?? '') as DaemonInput;
let nics = input.nics;
let nftBroken = input.nftBroken ?? false;
let network: Network | null = null;

function nicsThere(): Nic[] {
  return readdirSync('/sys/class/net')
    .filter((name) => name.startsWith('eth'))
    .map((kernelName) => ({ kernelName, devicePath: null, devicePort: 0, mac: null, driver: 'veth' }));
}

function say(event: DaemonAnswer['event']): void {
  if (network === null) return;
  const answer: DaemonAnswer = { event, uplinks: network.uplinkAddresses(), status: network.snapshot() };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

const system = createNetworkSystem({
  log: (level, message) => process.stderr.write(`${level} ${message}\n`),
  runFolder: input.runFolder,
  dhcpEventScript: input.script,
  ...(input.script6 !== undefined && { dhcpv6EventScript: input.script6 }),
});
network = await startNetwork(
  {
    ...system,
    // A namespace has no clock of its own: it is the machine's that would be set.
    correctClock: async () => null,
    listNics: () => (nics === 'those-there' ? nicsThere() : nics),
    supervise: (program) => {
      const [command = program.command, ...before] = input.programs?.[program.command] ?? [];
      return system.supervise({ ...program, command, args: [...before, ...program.args] });
    },
    run: (command, args, options) =>
      system.run(nftBroken && command.endsWith('/nft') ? '/bin/false' : command, args, options),
  },
  {
    settings: input.settings,
    portRules: { order: 'kernel-name', named: [] },
    claimed: input.claimed,
    onChange: () => say('changed'),
  },
);
say('started');

for await (const line of createInterface(process.stdin)) {
  const request = JSON.parse(line) as DaemonRequest;
  switch (request.do) {
    case 'claimed':
      await network.setClaimed(request.claimed);
      break;
    case 'reconfigure':
      await network.reconfigure(request.settings);
      break;
    case 'nics':
      nics = request.nics;
      await network.refresh();
      break;
    case 'mend-nft':
      nftBroken = false;
      await network.refresh();
      break;
    case 'refresh':
      await network.refresh();
      break;
  }
  say('done');
}
await network.close();
process.exit(0);
