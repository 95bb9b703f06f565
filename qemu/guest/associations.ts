import { randomBytes } from 'node:crypto';
import { Secret } from '../../firmware/bytes/secret.ts';
import { defaultOffers } from '../../firmware/hip/suites.ts';
import { type EspEffect, KernelDataPath } from '../../firmware/netd/overlay/data-path.ts';
import { prepareKernel } from '../../firmware/netd/overlay/kernel-preparation.ts';
import { readPeers } from '../../firmware/netd/overlay/peer.ts';
import { type CommandRunner, programs } from '../../firmware/netd/system-port.ts';
import { runCommand } from '../../firmware/system/run-command.ts';

/** What {@link runAssociations} found, in milliseconds. */
export type AssociationsReport = {
  /** From the first association's keys until the kernel has all. */
  readonly applied: number;
  /** The same lines in one run of ip. */
  readonly atOnce: number;
};

const settings = { underlayMtu: 1500, rekey: { seconds: 3600, mebibytes: 65_536 } };

/**
 * Gives the kernel of its namespace the security associations of so many peers at once, as after a power cut in a large
 * network: through the firmware's data path, and for comparison its lines in one run of ip.
 */
export async function runAssociations([count = '']: readonly string[]): Promise<void> {
  const lines: string[] = [];
  const run: CommandRunner = (command, args, options) => {
    if (command === programs.ip) lines.push(options?.input ?? '');
    return runCommand(command, args, { timeoutMs: 120_000, ...options });
  };
  const path = new KernelDataPath(
    { run, sourceAddress: async () => '192.0.2.1' },
    '2001:22::ffff:a',
    10500,
    prepareKernel(run),
  );
  const peers = readPeers(
    Array.from({ length: Number(count) }, (_, index) => {
      const number = (index + 1).toString(16);
      const uri = `hip://10.0.${index >> 8}.${index & 255}/2001:22::${number}`;
      return { name: `peer ${number}`, uri, protectedPrefixes: [`fd21:${number}::/32`] };
    }),
    (hit) => 0x10000 + Number.parseInt(hit.split(':').at(-1) ?? '', 16),
  );
  await path.open(settings);
  await path.setPeers(peers, settings);
  lines.length = 0;
  const start = performance.now();
  await Promise.all(peers.map((peer, index) => path.apply(peer, pair(peer.places[0]?.host ?? '', index))));
  const applied = performance.now() - start;
  await runCommand(programs.ip, ['xfrm', 'state', 'flush']);
  const middle = performance.now();
  const { status, stderr } = await runCommand(programs.ip, ['-batch', '-'], {
    input: lines.join(''),
    timeoutMs: 120_000,
  });
  if (status !== 0) throw new Error(`ip: ${stderr}`);
  const report: AssociationsReport = { applied, atOnce: performance.now() - middle };
  await path.close();
  process.stdout.write(`${JSON.stringify(report)}\n`);
  process.exit(0);
}

function pair(address: string, index: number): readonly EspEffect[] {
  const [suite] = defaultOffers.espSuites;
  if (suite === undefined) throw new RangeError('no suite');
  const keys = () => ({
    encryption: new Secret(new Uint8Array(randomBytes(suite.encryptionKeyLength))),
    authentication: new Secret(new Uint8Array()),
  });
  const locator = { address, port: 10500 };
  const spi = 0x1000 + index;
  return [
    { type: 'install-inbound', association: { spi, suite, keys: keys(), from: locator } },
    { type: 'install-outbound', association: { spi, suite, keys: keys(), to: locator } },
  ];
}
