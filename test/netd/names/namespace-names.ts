// Runs in a network namespace: answers for the box's names on its links, as the firmware does. Each line of standard input
// says which links there are and what the box is called; the answer is the names that it has by then.
import { createInterface } from 'node:readline';
import { HostNames, type NamedLink } from '../../../firmware/netd/names/host-names.ts';
import { openNameSocket } from '../../../firmware/system/name-socket.ts';
import { createNetworkSystem } from '../../../firmware/system/network-system.ts';

export type NamesRequest = { readonly links: readonly NamedLink[]; readonly hostname: string } | 'names';
export type NamesAnswer = readonly (readonly [string, readonly string[]])[];

const log = (level: string, text: string) => void process.stderr.write(`${level} ${text}\n`);
const { setTimer, monotonic } = createNetworkSystem({ log });
const names = new HostNames({ setTimer, monotonic, openSocket: openNameSocket, random: Math.random, log });
for await (const line of createInterface(process.stdin)) {
  const request = JSON.parse(line) as NamesRequest;
  if (request !== 'names') await names.follow(request.links, request.hostname);
  process.stdout.write(`${JSON.stringify([...names.names()] satisfies NamesAnswer)}\n`);
}
await names.close();
