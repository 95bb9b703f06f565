import { runAgent } from './agent.ts';
import { runAssociations } from './associations.ts';
import { runGateway } from './gateway.ts';
import { runReceiveOffload } from './receive-offload.ts';
import { runTraffic } from './traffic.ts';

/**
 * The programs of the overlay guest, in one file: its process server, a gateway's control plane, a host's traffic, what
 * makes a port of a veth, and the associations of very many peers.
 */
const programs: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  agent: runAgent,
  associations: runAssociations,
  gateway: runGateway,
  offload: runReceiveOffload,
  traffic: runTraffic,
};

const [name = '', ...args] = process.argv.slice(2);
const program = programs[name];
if (program === undefined) throw new Error(`there is no program ${name}`);
program(args).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
