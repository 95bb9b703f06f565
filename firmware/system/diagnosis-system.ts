import type { DiagnosisPorts } from '../diagnosis/ports.ts';
import { captureFileAt } from './capture-file.ts';
import { hasLink, openPacketSocket } from './packet-socket.ts';
import { ping } from './ping.ts';
import { traceroute } from './traceroute.ts';

/** The system's own programs and sockets, by which the box looks into what does not work. */
export function diagnosisSystem(runFolder: string): Omit<DiagnosisPorts, 'explain' | 'status'> {
  return {
    ...{ echo: ping, trace: traceroute, hasLink, openLink: openPacketSocket },
    // In memory: what passed is not to be found on the disk.
    captureFile: captureFileAt(`${runFolder}/capture.pcap`),
    now: () => performance.timeOrigin + performance.now(),
  };
}
