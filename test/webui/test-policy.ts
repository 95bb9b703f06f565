import type { PolicyExplanation, PolicyView } from '../../firmware/webui/api/policy-route.ts';

const end = { given: '', devices: [], gateway: 'this', hit: null, labels: [], own: false };

/** Peers of the tunnels in status-fixtures.ts. */
const peers: Readonly<Record<string, string>> = { wien: '2001:22:77aa:190:4c2e:e01:b8d3:1299' };

/** Knows one rule, which allows everything from 192.168.1.10. */
export const testPolicy: PolicyView = {
  report: async () => ({
    problem: null,
    generation: 1,
    rules: [{ id: 'press', number: 1, active: true, connections: 3 }],
    counters: { denied_default: 2 },
  }),
  devices: async () => [
    {
      ...{ device: 'press', address: '192.168.1.10', mac: '02:00:00:00:00:10', link: 'br-lan' },
      ...{ state: 'accepted', hostName: 'press-7', firstSeen: null, lastSeen: '2026-06-01T12:00:00.000Z' },
    },
    {
      ...{ device: null, address: '192.168.1.11', mac: '02:00:00:00:00:11', link: 'br-lan' },
      ...{ state: 'quarantine', hostName: null, firstSeen: null, lastSeen: null },
    },
  ],
  explain: ({ from, to, protocol, port }) => {
    if (from === 'nobody') return { ok: false, problem: 'nobody is no address' };
    const isAllowed = from === '192.168.1.10';
    const value: PolicyExplanation = {
      from: { ...end, given: from, address: from },
      to: {
        ...end,
        given: to,
        address: to,
        ...(peers[to] === undefined ? {} : { gateway: to, hit: peers[to] }),
      },
      ...{ protocol, port, verdict: isAllowed ? 'allow' : 'deny', reason: isAllowed ? 'rule' : 'default' },
      rule: isAllowed ? { id: 'press', verb: 'allow', mode: 'enforce' } : null,
      ...{ matched: null, staged: null, ends: [], why: isAllowed ? 'Allowed by rule press.' : 'Denied.' },
    };
    return { ok: true, value };
  },
};
