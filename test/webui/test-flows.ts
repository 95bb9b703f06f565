import type { FlowsView, StoredFlow } from '../../firmware/webui/api/flows-route.ts';

const flow: StoredFlow = {
  ...{ id: 7, start: 1_700_000_000_000, end: 1_700_000_005_000, protocol: 'tcp', port: 502 },
  from: { address: '192.168.1.10', devices: ['hmi'], gateway: 'this', labels: ['zone=control'] },
  to: { address: '192.168.2.20', devices: [], gateway: 'plant', labels: [] },
  ...{ direction: 'outbound', verdict: 'allow', rule: 'modbus', reason: 'rule', staged: null },
  ...{ sent: { packets: 7, bytes: 700 }, received: { packets: 5, bytes: 900 } },
};

/** Has seven flows, of which it shows the newest, and none from elsewhere than 192.168.1.10. */
export const testFlows: FlowsView = {
  query: async ({ from }, { before = 8, limit }) => {
    if (from !== undefined && from !== flow.from.address)
      return { ok: true, value: { flows: [], before: null } };
    const first = Math.min(before, 8) - 1;
    const flows = Array.from({ length: Math.min(limit, first) }, (_, index) => ({
      ...flow,
      id: first - index,
    }));
    const last = flows.at(-1)?.id ?? 1;
    return { ok: true, value: { flows, before: last > 1 ? last : null } };
  },
  follow: async (_, cursor) =>
    cursor === null
      ? { ok: true, value: { flows: [], cursor: 6, missed: 0 } }
      : cursor > 6
        ? { ok: false, error: new Error('the disk is gone') }
        : { ok: true, value: { flows: [flow], cursor: 7, missed: 6 - cursor } },
  live: async () => [{ ...flow, end: null, id: undefined } as Omit<StoredFlow, 'id'>],
  status: () => ({
    ...{ recording: true, persistent: true, records: 7, octets: 8192, newest: 7 },
    lost: { kernel: { connections: 3, packets: 0 }, tracker: { denied: 0, records: 0 }, unwritten: 0 },
  }),
};
