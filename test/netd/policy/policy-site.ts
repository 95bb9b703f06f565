import { expect } from 'vitest';
import type { FlowFilter } from '../../../firmware/flows/flow-filter.ts';
import type { FlowRecord } from '../../../firmware/flows/flow-record.ts';
import type { ExplainQuery } from '../../../firmware/policy/explain.ts';
import type { Rule } from '../../../firmware/policy/policy.ts';
import { defaultPolicy, type PolicySettings } from '../../../firmware/store/policy-schema.ts';
import type { Conversation, Laboratory, TcpAnswer } from '../namespace.ts';
import type { PolicyAnswer, PolicyRequest } from './namespace-policy.ts';

export const near = { ipv4: '192.168.1.10', ipv6: 'fd01::10' };
export const nearMac = '02:00:00:00:00:10';
export const far = { ipv4: '192.168.20.5', ipv6: 'fd20::5' };

type Site = {
  readonly lab: Laboratory;
  readonly box: Conversation;
  enforce(policy: Partial<PolicySettings>, time?: number): Promise<PolicyAnswer>;
  explain(query: ExplainQuery): Promise<PolicyAnswer['explained']>;
  /** Recorded from the first call on. */
  flows(filter: FlowFilter, live?: boolean): Promise<readonly FlowRecord[]>;
  look(): Promise<PolicyAnswer>;
  connect(from: 'near' | 'far', host: string, port?: number): Promise<TcpAnswer>;
};

/** near ── box:lan   box:hip0, here a cable ── far, where a peer's LAN would be */
export async function policySite(lab: Laboratory): Promise<Site> {
  await lab.namespaces('near', 'box', 'far');
  await lab.cable('box:lan', 'near:eth0');
  await lab.cable('box:hip0', 'far:eth0');
  const words = [
    ['box', 'link set lan up', 'address add 192.168.1.1/24 dev lan', 'address add fd01::1/64 dev lan nodad'],
    [
      'box',
      'link set hip0 up',
      'address add 192.168.20.1/24 dev hip0',
      'address add fd20::1/64 dev hip0 nodad',
    ],
    [
      'near',
      'link set eth0 up',
      `address add ${near.ipv4}/24 dev eth0`,
      `address add ${near.ipv6}/64 dev eth0 nodad`,
    ],
    ['near', `link set eth0 address ${nearMac}`, 'address add 192.168.1.11/24 dev eth0'],
    ['near', 'route add default via 192.168.1.1', 'route add default via fd01::1'],
    [
      'far',
      'link set eth0 up',
      `address add ${far.ipv4}/24 dev eth0`,
      `address add ${far.ipv6}/64 dev eth0 nodad`,
    ],
    ['far', 'route add default via 192.168.20.1', 'route add default via fd20::1'],
    // The tunnel device has no neighbours, so the firewall lets none be found there.
    ['far', 'link set eth0 address 02:00:00:00:00:05', 'neigh add fd20::1 lladdr 02:00:00:00:00:01 dev eth0'],
    [
      'box',
      'link set hip0 address 02:00:00:00:00:01',
      `neigh add ${far.ipv6} lladdr 02:00:00:00:00:05 dev hip0`,
    ],
  ] as const;
  for (const [space, ...lines] of words) for (const line of lines) await lab.ip(space, line);
  const box = lab.converse('box', './policy/namespace-policy.ts', [lab.folder]);
  const ask = async (request: PolicyRequest) => {
    const answer = await box.ask<PolicyAnswer>(request);
    expect(answer.problem).toBeNull();
    return answer;
  };
  await ask({ do: 'firewall' });
  for (const space of ['near', 'far'])
    for (const port of [80, 502]) await lab.probe(space, { do: 'listen-tcp', port });
  return {
    lab,
    box,
    enforce: (policy, time) =>
      ask({
        do: 'enforce',
        policy: { ...defaultPolicy, unknownDevices: 'permitted', ...policy },
        ...(time === undefined ? {} : { time }),
      }),
    flows: async (filter, live = false) => (await ask({ do: 'flows', filter, live })).flows,
    look: () => ask({ do: 'report' }),
    explain: async (query) => (await ask({ do: 'explain', query })).explained,
    connect: (from, host, port = 502) => lab.probe(from, { do: 'connect-tcp', host, port }),
  };
}

export const allow: Rule = {
  id: 'modbus',
  subject: { gateway: 'this' },
  verb: 'allow',
  object: { gateway: 'far' },
  services: [
    { protocol: 'tcp', ports: [502] },
    { protocol: 'udp', ports: ['5000-5002'] },
  ],
};
export const rules = (...given: Rule[]) => ({ rules: given as PolicySettings['rules'] });
