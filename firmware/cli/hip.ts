import { UsageError } from './arguments.ts';

type Verb = { readonly help: string; readonly run: (args: readonly string[]) => Promise<number> };

/** The verbs of `hithe hip`, each loaded when it is called. */
const verbs: Readonly<Record<string, () => Promise<Verb>>> = {
  decode: async () => (await import('./hip-decode.ts')).decodeVerb,
  probe: async () => (await import('./hip-probe.ts')).probeVerb,
  respond: async () => (await import('./hip-respond.ts')).respondVerb,
};

export async function hip(args: readonly string[]): Promise<number> {
  const verb = find(args);
  if (verb === undefined) throw new UsageError(`hip takes: ${Object.keys(verbs).join(', ')}`);
  return (await verb()).run(args.slice(1));
}

/** The help of one verb, or of all where none is named. */
export async function hipHelp(args: readonly string[]): Promise<string> {
  const verb = find(args);
  const wanted = verb === undefined ? Object.values(verbs) : [verb];
  const texts = await Promise.all(wanted.map(async (load) => (await load()).help));
  return texts.join('\n');
}

function find([name]: readonly string[]): (() => Promise<Verb>) | undefined {
  return name !== undefined && Object.hasOwn(verbs, name) ? verbs[name] : undefined;
}
