import type { Job, NetworkChange } from '../console/console-machine.ts';
import { limits as consoleLimits } from '../console/limits.ts';
import type { SettingsLayer } from '../store/settings-schema.ts';
import type { Configuration, ConfigurationResult } from '../webui/api/config-route.ts';
import type { ReplaceIdentity } from '../webui/ports.ts';
import type { FactoryReset } from './factory-reset.ts';

/** What the console's menu works with. Whoever stands before the box is its owner. */
export interface ConsoleJobPorts {
  readonly configuration: Pick<Configuration, 'read' | 'apply' | 'confirm' | 'rollBack'>;
  readonly replaceIdentity: ReplaceIdentity;
  readonly factoryReset: Pick<FactoryReset, 'begin'>;
  /** A code for the page with which a claimed box takes a new password once; null while it is unclaimed. */
  recoveryCode(): string | null;
  /** Both resolve with why the machine does not, or null. */
  restart(): Promise<string | null>;
  powerOff(): Promise<string | null>;
}

export type JobOutcome = { readonly ok: boolean; readonly lines: readonly string[] };

/** How settings' history and the log name whoever stands at a console. */
const author = (terminal: string): string => `console ${terminal}`;

/** Lines of a plan that a screen shows beside everything else. */
const shownPlanLines = 8;

const done = (...lines: readonly string[]): JobOutcome => ({ ok: true, lines });
const failed = (...lines: readonly string[]): JobOutcome => ({ ok: false, lines });

/** Does what somebody chose at a terminal, except for the shell, which is the terminal's own. Never rejects. */
export async function runJob(
  job: Exclude<Job, { kind: 'shell' }>,
  terminal: string,
  ports: ConsoleJobPorts,
): Promise<JobOutcome> {
  try {
    return await run(job, terminal, ports);
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error));
  }
}

async function run(
  job: Exclude<Job, { kind: 'shell' }>,
  terminal: string,
  ports: ConsoleJobPorts,
): Promise<JobOutcome> {
  const { configuration } = ports;
  switch (job.kind) {
    case 'try':
      return tryChange(job.change, author(terminal), configuration);
    case 'keep':
      // Whoever chose it sees the box, which is more than the proof by peers and page could say.
      return outcomeOf(await configuration.confirm(true), 'The change stays.');
    case 'take-back':
      return outcomeOf(
        await configuration.rollBack(author(terminal)),
        'What was in force before is in force again.',
      );
    case 'recovery-code':
      return recoveryCode(ports);
    case 'replace-identity':
      return replaceIdentity(job.hit, ports);
    case 'factory-reset': {
      const failure = await ports.factoryReset.begin(job.identity, author(terminal));
      return failure === null
        ? done('The box restarts now and forgets everything.')
        : failed(`Nothing was deleted: ${failure}.`);
    }
    case 'restart':
      return ending(await ports.restart(), 'The box restarts now.');
    case 'power-off':
      return ending(await ports.powerOff(), 'The box switches itself off now.');
  }
}

function recoveryCode(ports: ConsoleJobPorts): JobOutcome {
  const code = ports.recoveryCode();
  if (code === null) return failed('The box is not claimed: the page takes the claim code.');
  return done(
    `Code: ${code}`,
    '',
    'Open the page and type this code with a new password for the owner. It is good',
    'once, for 15 minutes; asking again makes another one. It removes the owner’s',
    'security keys: add them again on the page.',
  );
}

async function replaceIdentity(hit: string, ports: ConsoleJobPorts): Promise<JobOutcome> {
  const replaced = await ports.replaceIdentity(hit);
  switch (replaced.outcome) {
    case 'replaced':
      return done(`The new HIT is ${replaced.identity.hit ?? ''}.`, 'Tell it to every peer.');
    case 'other-identity':
      return failed('The identity has changed meanwhile. Nothing was done: look at it again.');
    case 'failed':
      return failed(replaced.problem.message, replaced.problem.advice);
  }
}

async function tryChange(
  change: NetworkChange,
  by: string,
  configuration: ConsoleJobPorts['configuration'],
): Promise<JobOutcome> {
  const read = configuration.read({ secrets: true });
  if (!read.ok) return failed(read.detail);
  const document = changed(read.value.saved as SettingsLayer, change);
  const seconds = consoleLimits.trialSeconds;
  const applied = await configuration.apply(document, { author: by, seconds, automatic: false });
  if (!applied.ok) return failed(applied.detail, '', 'Nothing was changed.');
  const { network } = applied.value.plan;
  const rest = network.length - shownPlanLines;
  return done(
    `On trial for ${seconds} s, then it is taken back. Go on, and choose KEEP to keep it.`,
    '',
    ...network.slice(0, shownPlanLines),
    ...(rest > 0 ? [`... and ${rest} more`] : []),
  );
}

/** The document with one change. What is typed is judged by the settings' schema, where everything else is judged. */
function changed(layer: SettingsLayer, change: NetworkChange): SettingsLayer {
  const network = layer.network ?? {};
  switch (change.kind) {
    case 'lan':
    case 'management': {
      const group = { ...network[change.kind], address: change.address };
      return { ...layer, network: { ...network, [change.kind]: group } };
    }
    case 'uplink-dhcp':
      return { ...layer, network: { ...network, underlay: { ...network.underlay, ipv4: 'dhcp' } } };
    case 'uplink-static': {
      const { address, gateway } = change;
      const ipv4 = { address, ...(gateway === null ? {} : { gateway }) };
      return { ...layer, network: { ...network, underlay: { ...network.underlay, ipv4 } } };
    }
  }
}

function outcomeOf(result: ConfigurationResult<unknown>, well: string): JobOutcome {
  return result.ok ? done(well) : failed(result.detail);
}

function ending(failure: string | null, well: string): JobOutcome {
  return failure === null ? done(well) : failed(`It does not: ${failure}.`);
}
