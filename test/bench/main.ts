import { cpus } from 'node:os';
import { type Progress, stderrProgress } from '../../image-builder/progress.ts';
import { readOptions } from '../../image-builder/read-options.ts';
import { type BenchResult, type Figure, table } from './figures.ts';

/** A bench measures its figures and says on what (`tcg`, `kvm`, or `none` where no guest is involved). */
export type Bench = (
  progress: Progress,
) => Promise<{ readonly accelerator: string; readonly figures: readonly Figure[] }>;

const benches: Readonly<Record<string, { readonly tells: string; readonly load: () => Promise<Bench> }>> = {
  attest: {
    tells: 'quotes, evidence, appraisals, signatures and base exchanges with keys in a TPM',
    load: async () => (await import('./attest.ts')).measureAttestation,
  },
  boot: {
    tells: 'power on until the page answers, image size, memory',
    load: async () => (await import('./boot.ts')).measureBoot,
  },
  flows: {
    tells: 'records of flows: how many a second, and what they cost a tunnel',
    load: async () => (await import('./flows.ts')).measureFlows,
  },
  hip: {
    tells: 'base exchanges: time, rate, and a thousand associations of one gateway',
    load: async () => (await import('./hip.ts')).measureHip,
  },
  policy: {
    tells: 'packets by 10 and by 10,000 rules, compiling and loading those, explaining',
    load: async () => (await import('./policy.ts')).measurePolicy,
  },
  ui: {
    tells:
      'the page: size, first paint, input on a slow device, what open pages and requests cost the server',
    load: async () => (await import('./ui.ts')).measureUi,
  },
  tunnel: {
    tells: 'TCP between hosts behind two gateways, beside WireGuard and the plain link',
    load: async () => (await import('./tunnel.ts')).measureTunnel,
  },
};

const usage = [
  'Usage: npm run bench -- NAME [--json]',
  '',
  ...Object.entries(benches).map(([name, { tells }]) => `  ${name.padEnd(10)}${tells}`),
  '',
].join('\n');

const { values, positionals } = readOptions(usage, {
  options: { json: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const name = positionals[0] ?? '';
const chosen = Object.hasOwn(benches, name) ? benches[name] : undefined;

if (!chosen || positionals.length > 1) {
  process.stderr.write(usage);
  process.exitCode = 2;
} else {
  const { accelerator, figures } = await (await chosen.load())(stderrProgress('bench'));
  const processors = cpus();
  const machine = { cpu: processors[0]?.model ?? 'unknown', cores: processors.length, accelerator };
  const result: BenchResult = { bench: name, machine, figures };
  process.stdout.write(values.json ? `${JSON.stringify(result, null, 2)}\n` : table(result));
}
