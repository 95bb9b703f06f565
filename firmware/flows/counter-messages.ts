import { unloggedCounter } from '../policy/flow-marks.ts';
import { policyTables } from '../policy/nftables.ts';
import { attributesOf, bigEndian, eachMessage, encodeRequest, u64At } from './netlink.ts';

/** NFT_MSG_NEWOBJ and NFT_MSG_GETOBJ of linux/netfilter/nf_tables.h. */
const messageType = { object: 0xa12, getObject: 0xa13 } as const;
/** NFTA_OBJ_*, NFTA_COUNTER_PACKETS and NFT_OBJECT_COUNTER. */
const attributes = { table: 1, name: 2, type: 3, data: 4, packets: 2 } as const;
const counterType = 1;

/** A named counter of nftables. `family`: NFPROTO_*. */
export type CounterName = { readonly family: number; readonly table: string; readonly name: string };

/** NFPROTO_INET and NFPROTO_BRIDGE. */
const families: Readonly<Record<string, number>> = { inet: 1, bridge: 7 };

/** Those of what the policy's rate limit keeps out of the log, one in each of its tables. */
export const unloggedCounters = Object.values(policyTables).map((words): CounterName => {
  const [family = '', table = ''] = words.split(' ');
  return { family: families[family] ?? 0, table, name: unloggedCounter };
});

/** Asks how often a counter has counted: a request for the kernel. */
export function encodeCounterRequest(sequence: number, { family, table, name }: CounterName): Uint8Array {
  return encodeRequest({
    ...{ type: messageType.getObject, flags: 0, sequence, family },
    attributes: [
      [attributes.table, textOctets(table)],
      [attributes.name, textOctets(name)],
      [attributes.type, bigEndian(counterType, 4)],
    ],
  });
}

/** The packets of the counter that was asked for; undefined where there is none. Never throws. */
export function parseCounterAnswer(octets: Uint8Array): number | undefined {
  const datagram = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  let packets: number | undefined;
  eachMessage(datagram, (message) => {
    if (message.kind !== 'message' || message.type !== messageType.object) return;
    const data = attributesOf(datagram, message).get(attributes.data);
    if (data !== undefined) packets = u64At(datagram, attributesOf(datagram, data).get(attributes.packets));
  });
  return packets;
}

/** Names of the policy's objects are ASCII; they end with a zero, as C's strings do. */
function textOctets(text: string): number[] {
  return [...Array.from(text, (character) => character.charCodeAt(0)), 0];
}
