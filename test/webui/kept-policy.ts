import { PolicyKeeper } from '../../firmware/boot/policy-keeper.ts';
import { formatMemory, parseMemory } from '../../firmware/netd/policy/memory.ts';
import type { PolicyInput } from '../../firmware/policy/policy.ts';
import type { Settings } from '../../firmware/store/settings-schema.ts';
import { openTestConfiguration, type TestConfiguration } from './test-configuration.ts';

/** Who is on the LAN, as the kernel and the DHCP server tell. */
export type Host = { readonly mac: string; readonly address: string; readonly name?: string };

export interface KeptPolicy {
  readonly settings: TestConfiguration;
  readonly policy: PolicyKeeper;
  /** Connections by rule. */
  readonly hits: Map<string, number>;
  hosts: readonly Host[];
  /** What nft says to a ruleset, where it does not take it. */
  refusal: string | null;
}

/** Settings and the policy that works by them, everything real but the kernel. */
export async function openKeptPolicy({
  policy: section,
  hosts = [],
  more = {},
}: {
  readonly policy: Partial<PolicyInput['policy']>;
  readonly hosts?: readonly Host[];
  /** Further parts of the settings. */
  readonly more?: object;
}): Promise<KeptPolicy> {
  const files = new Map<string, string>();
  const hits = new Map<string, number>();
  const answer = (stdout: string) => ({ status: 0, stdout, stderr: '' });
  const kernel = {
    neigh: () =>
      kept.hosts.map(({ mac, address }) => ({
        dst: address,
        lladdr: mac,
        dev: 'br-lan',
        state: ['REACHABLE'],
      })),
    set: () => {
      const { numbers } = parseMemory(
        files.get('/run/hithe/policy.json') ?? formatMemory({ generation: 0, numbers: new Map() }),
      );
      const elem = [...hits].flatMap(([id, packets]) => {
        const val = numbers.get(id);
        return val === undefined ? [] : [{ elem: { val, counter: { packets, bytes: 0 } } }];
      });
      return { nftables: [{ set: { elem } }] };
    },
  };
  const policy = new PolicyKeeper(
    {
      run: async (_, args) => {
        if (args.includes('neigh')) return answer(JSON.stringify(kernel.neigh()));
        // What goes between ports is counted in a table of its own, where nothing was.
        if (args.includes('set') && !args.includes('bridge')) return answer(JSON.stringify(kernel.set()));
        if (args.includes('-f') && kept.refusal !== null)
          return { status: 1, stdout: '', stderr: kept.refusal };
        return answer('');
      },
      now: () => Date.now(),
      setTimer: () => ({ close: () => {} }),
      log: () => {},
      readText: (path) =>
        path.endsWith('/dhcp/clients')
          ? kept.hosts.map(({ mac, address, name = '*' }) => `1 ${mac} ${address} ${name} *\n`).join('')
          : (files.get(path) ?? null),
      replaceText: (path, text) => {
        files.set(path, text);
        return null;
      },
      runFolder: '/run/hithe',
    },
    { platform: 'pc', warn: () => {}, clearWarning: () => {} },
  );
  const settings = openTestConfiguration(undefined, (next: Settings) => policy.apply(next));
  const kept: KeptPolicy = { settings, policy, hits, hosts, refusal: null };
  const document = { version: 1, ...more, policy: section };
  const options = { author: 'ada', seconds: 60, automatic: false };
  const begun = await settings.configuration.apply(document, options);
  if (!begun.ok) throw new Error(begun.detail);
  const confirmed = await settings.configuration.confirm(true);
  if (!confirmed.ok) throw new Error(confirmed.detail);
  return kept;
}
