import type { DesiredNetwork } from './desired.ts';
import type { KernelWrite, ObservedNetwork, Plan } from './diff.ts';
import { limits } from './limits.ts';
import { observationBatch, parseObservation } from './observed.ts';
import { renderBatch } from './plan-text.ts';
import { type NetworkSystem, programs } from './system-port.ts';

/** What went wrong, a line each, in words for a log and the page. Empty where everything worked. */
export type Failures = readonly string[];

export type ObservationResult =
  | { readonly ok: true; readonly value: ObservedNetwork }
  | { readonly ok: false; readonly reason: string };

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}

/** Loads a whole ruleset in one transaction. The one before stays in force where this fails. */
export async function applyFirewall(system: NetworkSystem, ruleset: string): Promise<Failures> {
  const { status, stderr } = await system.run(programs.nft, ['-f', '-'], { input: ruleset });
  return status === 0 ? [] : [`nft refused the ruleset (status ${status}): ${firstLine(stderr)}`];
}

function readQueues(system: NetworkSystem, link: string): ReadonlyMap<string, string | null> {
  const folder = `/sys/class/net/${link}/queues`;
  const queues = system.listFolder(folder).filter((name) => name.startsWith('rx-'));
  return new Map(
    queues.map((name) => {
      const path = `${folder}/${name}/rps_cpus`;
      return [path, system.readKernelValue(path)];
    }),
  );
}

/** Reads what the kernel has of everything that the desired state speaks of: one run of ip, and files. */
export async function observeNetwork(
  system: NetworkSystem,
  desired: DesiredNetwork,
): Promise<ObservationResult> {
  const { status, stdout, stderr } = await system.run(programs.ip, ['-j', '-d', '-s', '-batch', '-'], {
    input: observationBatch,
  });
  if (status !== 0)
    return { ok: false, reason: `ip could not list the links (status ${status}): ${firstLine(stderr)}` };
  const parsed = parseObservation(stdout);
  if (!parsed.ok) return parsed;
  return {
    ok: true,
    value: {
      ...parsed.value,
      kernelValues: new Map(desired.kernelValues.map(({ path }) => [path, system.readKernelValue(path)])),
      queues: new Map([...desired.steering.keys()].map((link) => [link, readQueues(system, link)])),
    },
  };
}

function writeAll(system: NetworkSystem, writes: readonly KernelWrite[]): Failures {
  return writes.flatMap(({ path, to }) => {
    const failure = system.writeKernelValue(path, to);
    return failure === null ? [] : [`${path} could not be set to ${to}: ${failure}`];
  });
}

/** `Command failed -:3` names the batch's line; the reason stands on the line before it. */
function batchFailures(stderr: string, lines: readonly string[]): Failures {
  const printed = stderr.trim().split('\n');
  const failures = printed.flatMap((line, index) => {
    const [, number] = /^Command failed -:(\d+)$/.exec(line) ?? [];
    if (number === undefined) return [];
    return [`ip ${lines[Number(number) - 1] ?? '?'}: ${printed[index - 1] ?? 'no reason given'}`];
  });
  return failures.length > 0 ? failures : [`ip failed: ${firstLine(stderr)}`];
}

/**
 * Takes the plan's steps. A step that fails does not keep the others from being taken (`-force`): one bad port must
 * not keep the page from coming up on the next.
 */
export async function applyPlan(system: NetworkSystem, plan: Plan): Promise<Failures> {
  const failures = [...writeAll(system, plan.before)];
  if (plan.batch.length > 0) {
    const input = renderBatch(plan.batch);
    const { status, stderr } = await system.run(programs.ip, ['-force', '-batch', '-'], { input });
    if (status !== 0) failures.push(...batchFailures(stderr, input.split('\n')));
  }
  await boundMemory(system, plan);
  // A kernel without IPv6 makes links without its files.
  return [
    ...failures,
    ...writeAll(
      system,
      plan.after.filter(({ path }) => system.readKernelValue(path) !== null),
    ),
  ];
}

/**
 * Bounds what new bridges learn, which by itself is every sender's MAC for five minutes. An iproute2 before 6.7 has no
 * word for it, and no network waits for that.
 */
async function boundMemory(system: NetworkSystem, { batch }: Plan): Promise<void> {
  const bridges = batch.flatMap((step) => (step.do === 'create-bridge' ? [step.link] : []));
  if (bridges.length === 0) return;
  const input = bridges
    .map((link) => `link set dev ${link} type bridge fdb_max_learned ${limits.learnedMacs}\n`)
    .join('');
  const { status, stderr } = await system.run(programs.ip, ['-force', '-batch', '-'], { input });
  if (status !== 0) system.log('debug', `Bridges learn without a bound: ${firstLine(stderr)}`);
}
