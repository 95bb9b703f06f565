import { runAgent } from './agent.ts';
import { runAssociations } from './associations.ts';
import { runBox } from './box.ts';
import { runFrontPanel } from './front-panel.ts';
import { runGateway } from './gateway.ts';
import { runReceiveOffload } from './receive-offload.ts';
import { runTimeServer } from './time-server.ts';
import { runTraffic } from './traffic.ts';

/**
 * The programs of the overlay guest, in one file: its process server, a gateway's control plane with or without its
 * networks, a host's traffic, a time server, what makes a port of a veth, the associations of very many peers, and a front panel.
 */
const programs: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  agent: runAgent,
  associations: runAssociations,
  box: runBox,
  'front-panel': runFrontPanel,
  gateway: runGateway,
  offload: runReceiveOffload,
  time: runTimeServer,
  traffic: runTraffic,
};

const [name = '', ...args] = process.argv.slice(2);
const program = programs[name];
if (program === undefined) throw new Error(`there is no program ${name}`);
program(args).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
