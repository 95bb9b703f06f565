import type { FlowEnd, FlowReason, FlowRecord } from '../../firmware/flows/flow-record.ts';

/** A flow of whose ends only the addresses are known: denied by default, to TCP port 443, unless told. */
export function aFlow({
  from,
  to,
  port = 443,
  protocol = 'tcp',
  start = 1_000_000,
  end = start,
  verdict,
  reason = 'default',
  packets = 1,
  bytes = 60,
}: {
  readonly from: string;
  readonly to: string;
  readonly port?: number;
  readonly protocol?: string;
  readonly start?: number;
  readonly end?: number | null;
  readonly verdict?: FlowRecord['verdict'];
  readonly reason?: FlowReason;
  readonly packets?: number;
  readonly bytes?: number;
}): FlowRecord {
  const endAt = (address: string): FlowEnd => ({ address, devices: [], gateway: 'this', labels: [] });
  return {
    ...{ start, end, protocol, port, reason, direction: 'outbound', rule: null, staged: null },
    ...{ from: endAt(from), to: endAt(to) },
    verdict: verdict ?? (reason === 'observed' ? 'allow' : 'deny'),
    sent: { packets, bytes },
    received: { packets: 0, bytes: 0 },
  };
}
