import type { CaptureItem } from './capture-item.ts';
import type { OctetStream } from './octet-stream.ts';
import { isPcap, readPcap } from './pcap.ts';
import { isPcapng, readPcapng } from './pcapng.ts';

/** Reads a capture file's frames one by one, or undefined where its first octets are those of no format known. */
export async function readCapture(stream: OctetStream): Promise<AsyncGenerator<CaptureItem> | undefined> {
  const magic = await stream.peek(4);
  if (isPcap(magic)) return readPcap(stream);
  if (isPcapng(magic)) return readPcapng(stream);
  return undefined;
}
