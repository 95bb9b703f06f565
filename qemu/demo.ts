import { BuildError } from '../image-builder/build-error.ts';
import { stderrProgress } from '../image-builder/progress.ts';
import { readOptions } from '../image-builder/read-options.ts';
import { type DemoReport, printReport } from './demo-report.ts';
import { runDemo } from './demo-run.ts';
import { HarnessError } from './harness-error.ts';

const usage = `Usage: npm run demo [-- OPTIONS]

Builds the image, boots two gateways in QEMU, each behind UEFI with a TPM of its own, sets them up with a settings
stick, and pings from a host behind one to a host behind the other through their tunnel.

  --once           end when it is done; without it the gateways stay up until Ctrl-C
  --json           one JSON object on standard output
  --memory MIB     memory of each gateway (default 512)
  --pings COUNT    pings through the tunnel (default 5)
  --help           this text

Consoles and QEMU's own words are kept in build/machines. Exit status 0 means that all of it worked.
`;

function readArguments() {
  const { values } = readOptions(usage, {
    options: {
      once: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      memory: { type: 'string', default: '512' },
      pings: { type: 'string', default: '5' },
    },
  });
  const whole = (name: string, text: string, least: number) => {
    if (!/^\d{1,6}$/.test(text) || Number(text) < least) {
      throw new HarnessError('usage', `--${name} takes a whole number from ${least}.`);
    }
    return Number(text);
  };
  return { ...values, memoryMiB: whole('memory', values.memory, 64), pings: whole('pings', values.pings, 1) };
}

/** Settles when somebody asks us to end: Ctrl-C, or whoever started us. */
function askedToEnd(): Promise<'asked-to-end'> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => resolve('asked-to-end'));
  });
}

/** What a person can do something about is said in a line; anything else is a fault of ours and shows its stack. */
function describe(error: unknown): string {
  if (error instanceof HarnessError || error instanceof BuildError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

async function main(): Promise<number> {
  const options = readArguments();
  const progress = stderrProgress('demo');
  const ending = askedToEnd();
  const began = performance.now();
  const seconds = () => Number(((performance.now() - began) / 1000).toFixed(1));
  await using running = new AsyncDisposableStack();
  let report: DemoReport;
  try {
    const outcome = await Promise.race([runDemo({ ...options, progress }, running), ending]);
    if (outcome === 'asked-to-end') throw new HarnessError('ended', 'It was ended before it was done.');
    report = { ...outcome, seconds: seconds() };
  } catch (error) {
    report = { ok: false, error: describe(error), logs: 'build/machines', seconds: seconds() };
  }
  printReport(report, options.json);
  if (report.ok && !options.once) {
    process.stderr.write('\nThe gateways stay up. Ctrl-C ends them.\n');
    await ending;
  }
  progress('Switching everything off');
  return report.ok ? 0 : 1;
}

// Whatever is still under way (a machine that is just starting, say) ends with this process.
process.exit(
  await main().catch((error: unknown) => {
    process.stderr.write(`${describe(error)}\n`);
    return 2;
  }),
);
