import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { limits } from '../limits.ts';
import { type Problem, type ProblemCode, problemAnswer } from './problem.ts';
import { type Api, type ApiEnvironment, apiRoute, authorOf, refuseUnlessOwn } from './route.ts';
import { body, json, problem } from './route-content.ts';

const revision = z
  .object({
    id: z.number().int(),
    /** ISO 8601 in UTC. */
    time: z.string(),
    author: z.string(),
    outcome: z.enum(['confirmed', 'trial', 'reverted', 'interrupted']),
    /** Why it was taken back. */
    reason: z.string().nullable(),
    /** The revision that was in force when it was saved. */
    base: z.number().int().nullable(),
  })
  .openapi('Revision');
export type Revision = z.infer<typeof revision>;

const history = z
  .object({
    revisions: z.array(revision).readonly(),
    /** Give it as `before` for those that come next; null where there are no more. */
    before: z.number().int().nullable(),
  })
  .openapi('SettingsHistory');

const change = z.object({ path: z.string(), before: z.string().nullable(), after: z.string().nullable() });

export const settingsPlan = z
  .object({
    /** Settings that differ; before and after are JSON, shortened. */
    changes: z.array(change).readonly(),
    /** Changes beyond those listed. */
    more: z.number().int(),
    /** What would be done to links, addresses, routes, ruleset and services, a line each. */
    network: z.array(z.string()).readonly(),
  })
  .openapi('SettingsPlan');
export type SettingsPlan = z.infer<typeof settingsPlan>;

/** A change that takes itself back unless it is confirmed. */
export const trial = z.object({
  revision: z.number().int(),
  author: z.string(),
  /** That it lasts in all. */
  seconds: z.number(),
  secondsLeft: z.number(),
  /** Confirmed by itself once the proof is there. */
  automatic: z.boolean(),
  /** What the proof lacked when it was last looked for; empty where nothing, null before that. */
  missing: z.array(z.string()).readonly().nullable(),
});
export type Trial = z.infer<typeof trial>;

const document = z.looseObject({ version: z.literal(1) });

const view = z
  .object({
    /** In force for good; null where nothing was ever saved. */
    revision: revision.nullable(),
    trial: trial.nullable(),
    /** The saved layer alone. */
    saved: document,
    /** The saved layer with the changes that `draft` collects; null where there are none. */
    draft: document.nullable(),
    /** All layers together, as the box works by them now. */
    inForce: document,
  })
  .openapi('Settings');
export type SettingsView = z.infer<typeof view>;

export const settingsApplied = z
  .object({ revision, trial: trial.nullable(), plan: settingsPlan })
  .openapi('SettingsApplied');
export type SettingsApplied = z.infer<typeof settingsApplied>;

const revisionDetail = z
  .object({ revision, document, changes: z.array(change).readonly().nullable(), more: z.number().int() })
  .openapi('RevisionDetail');
export type RevisionDetail = z.infer<typeof revisionDetail>;

export type ConfigurationProblem = Extract<ProblemCode, `settings-${string}`>;
export type ConfigurationResult<Value> =
  | { readonly ok: true; readonly value: Value }
  | {
      readonly ok: false;
      readonly code: ConfigurationProblem;
      readonly detail: string;
      /** Of an invalid document, by the path of the setting. */
      readonly errors?: Problem['errors'];
    };

/** Versions of the settings (ETags) of which one must be theirs still; undefined where any will do. */
export type Expected = readonly string[] | undefined;

export type TrialOptions = {
  readonly author: string;
  readonly seconds: number;
  readonly automatic: boolean;
};

/** The settings as the API changes them. A document that is left out is the draft. */
export interface Configuration {
  schema(): Promise<object>;
  /** Secrets are hidden, unless they are asked for. */
  read(options?: { readonly secrets?: boolean }): ConfigurationResult<SettingsView>;
  /** An entity tag (RFC 9110 § 8.8.3) of what is saved and drafted now. */
  version(): string;
  edit(path: string, value: unknown, expected?: Expected): ConfigurationResult<SettingsView>;
  discard(expected?: Expected): ConfigurationResult<SettingsView>;
  plan(document: unknown, expected?: Expected): Promise<ConfigurationResult<SettingsPlan>>;
  apply(
    document: unknown,
    options: TrialOptions & { readonly expected?: Expected },
  ): Promise<ConfigurationResult<SettingsApplied>>;
  confirm(anyway: boolean): Promise<ConfigurationResult<Revision>>;
  /** Ends the trial that is under way. */
  rollBack(author: string): Promise<ConfigurationResult<Revision>>;
  /** Tries an earlier revision's document. */
  restore(revision: number, options: TrialOptions): Promise<ConfigurationResult<SettingsApplied>>;
  history(): ConfigurationResult<readonly Revision[]>;
  /** @param against another revision that it is compared with; the one that it changed unless given */
  revision(id: number, against?: number): ConfigurationResult<RevisionDetail>;
}

/** What may go wrong with any of them. */
export const refusals = {
  400: problem('The request is none, or its document is no settings document; the detail names the fields'),
  404: problem('No such setting or revision'),
  409: problem('A trial is under way, or none, or nothing changes, or the proof is not there'),
  412: problem('The settings are not those any more that If-Match names'),
  413: problem('The document is too large'),
  500: problem('It could not be saved or put in force; what was in force before still is'),
};

/** Counts from the command line alone: over the network the author is who is signed in. */
const author = z.string().min(1).max(limits.authorLength).optional();
const trialFields = {
  author,
  /** Until what was in force before comes back by itself. */
  seconds: z
    .int()
    .min(limits.trialSeconds[0])
    .max(limits.trialSeconds[1])
    .default(limits.trialSecondsUnlessTold),
  automatic: z.boolean().default(false),
};
const documentOrDraft = z.looseObject({}).optional();
/** Only while the settings are those that were read: the ETag of that answer. */
const ifMatch = z.object({ 'if-match': z.string().optional() });

const configRoutes = {
  read: apiRoute({
    method: 'get',
    path: '/api/v1/config',
    access: 'read',
    summary: 'The settings: saved, drafted, in force, on trial',
    request: { query: z.object({ secrets: z.enum(['hidden', 'shown']).default('hidden') }) },
    responses: { 200: json('The settings', view), ...refusals },
  }),
  schema: apiRoute({
    method: 'get',
    path: '/api/v1/config/schema',
    access: 'read',
    summary: 'JSON Schema of a settings document',
    responses: { 200: json('The schema', z.looseObject({})) },
  }),
  plan: apiRoute({
    method: 'post',
    path: '/api/v1/config/plan',
    access: 'read',
    changesNothing: true,
    bodyBytes: limits.settingsBodyBytes,
    summary: 'What a document, or the draft, would change; nothing is done',
    request: { ...body(z.strictObject({ document: documentOrDraft })), headers: ifMatch },
    responses: { 200: json('The plan', settingsPlan), ...refusals },
  }),
  draft: apiRoute({
    method: 'post',
    path: '/api/v1/config/draft',
    access: 'change',
    bodyBytes: limits.settingsBodyBytes,
    summary: 'Changes one setting in the draft, takes it away where there is no value, or discards the draft',
    request: {
      ...body(
        z.union([
          z.strictObject({ path: z.string().max(limits.settingsPathLength), value: z.unknown().optional() }),
          z.strictObject({ discard: z.literal(true) }),
        ]),
      ),
      headers: ifMatch,
    },
    responses: { 200: json('The settings with the draft', view), ...refusals },
  }),
  apply: apiRoute({
    method: 'post',
    path: '/api/v1/config/apply',
    access: 'change',
    bodyBytes: limits.settingsBodyBytes,
    summary: 'Tries a document, or the draft: in force at once, taken back by itself unless it is confirmed',
    request: { ...body(z.strictObject({ document: documentOrDraft, ...trialFields })), headers: ifMatch },
    responses: { 200: json('In force on trial', settingsApplied), ...refusals },
  }),
  confirm: apiRoute({
    method: 'post',
    path: '/api/v1/config/confirm',
    access: 'change',
    summary: 'Keeps what is on trial, if peers and page are reachable as before, or anyway',
    request: body(z.strictObject({ anyway: z.boolean().default(false) })),
    responses: { 200: json('Confirmed', revision), ...refusals },
  }),
  revert: apiRoute({
    method: 'post',
    path: '/api/v1/config/revert',
    access: 'change',
    summary: 'Ends the trial, or tries an earlier revision again',
    request: body(z.strictObject({ revision: z.int().min(1).optional(), ...trialFields })),
    responses: {
      200: json(
        'What was in force before is again, or the earlier revision is on trial',
        z.union([settingsApplied, revision]),
      ),
      ...refusals,
    },
  }),
  history: apiRoute({
    method: 'get',
    path: '/api/v1/config/history',
    access: 'read',
    summary: 'The revisions that are kept, newest first; in parts where a limit is given',
    request: {
      query: z.object({
        before: z.coerce.number().int().min(1).optional(),
        limit: z.coerce.number().int().min(1).max(limits.listedAtOnce).optional(),
      }),
    },
    responses: {
      200: json('The revisions', history),
      ...refusals,
    },
  }),
  revision: apiRoute({
    method: 'get',
    path: '/api/v1/config/history/{id}',
    access: 'read',
    summary: 'One revision: its document, and what it changed',
    request: {
      params: z.object({ id: z.coerce.number().int().min(1) }),
      query: z.object({
        /** Another revision that it is compared with; the one that it changed unless given. */
        against: z.coerce.number().int().min(1).optional(),
      }),
    },
    responses: { 200: json('The revision', revisionDetail), ...refusals },
  }),
};

/** A problem by its code: each status is a type of its own to the route. */
export function refuse(
  context: Context<ApiEnvironment>,
  { code, detail, errors }: ConfigurationResult<never> & { readonly ok: false },
) {
  switch (code) {
    case 'settings-invalid':
      return problemAnswer(context, code, detail, {}, errors);
    case 'settings-moved-on':
      return problemAnswer(context, code, detail);
    case 'settings-not-there':
      return problemAnswer(context, code, detail);
    case 'settings-draft':
    case 'settings-trial':
    case 'settings-no-trial':
    case 'settings-unchanged':
    case 'settings-not-proven':
      return problemAnswer(context, code, detail);
    case 'settings-not-kept':
    case 'settings-not-applied':
      return problemAnswer(context, code, detail);
  }
}

/** The tags of an If-Match field (RFC 9110 § 13.1.1). */
function expectedOf(context: Context<ApiEnvironment>): Expected {
  const header = context.req.header('if-match');
  const tags = header?.split(',').map((tag) => tag.trim());
  return tags?.includes('*') ? undefined : tags;
}

export function addConfigRoutes(api: Api, configuration: Configuration): void {
  api.openapi(configRoutes.schema, async (context) =>
    context.json({ ...(await configuration.schema()) }, 200),
  );
  api.openapi(configRoutes.read, (context) => {
    const { secrets } = context.req.valid('query');
    const refusal = secrets === 'shown' ? refuseUnlessOwn(context.get('actor')) : null;
    if (refusal !== null) return problemAnswer(context, refusal.code, refusal.detail);
    const result = configuration.read({ secrets: secrets === 'shown' });
    const tagged = { etag: configuration.version() };
    return result.ok ? context.json(result.value, 200, tagged) : refuse(context, result);
  });
  api.openapi(configRoutes.plan, async (context) => {
    const { document } = context.req.valid('json');
    const result = await configuration.plan(document, expectedOf(context));
    return result.ok ? context.json(result.value, 200) : refuse(context, result);
  });
  api.openapi(configRoutes.draft, (context) => {
    const asked = context.req.valid('json');
    const expected = expectedOf(context);
    const result =
      'discard' in asked
        ? configuration.discard(expected)
        : configuration.edit(asked.path, asked.value, expected);
    const tagged = { etag: configuration.version() };
    return result.ok ? context.json(result.value, 200, tagged) : refuse(context, result);
  });
  api.openapi(configRoutes.apply, async (context) => {
    const { document, ...options } = context.req.valid('json');
    const author = authorOf(context, options.author);
    const expected = expectedOf(context);
    const result = await configuration.apply(document, { ...options, author, expected });
    return result.ok ? context.json(result.value, 200) : refuse(context, result);
  });
  api.openapi(configRoutes.confirm, async (context) => {
    const result = await configuration.confirm(context.req.valid('json').anyway);
    return result.ok ? context.json(result.value, 200) : refuse(context, result);
  });
  api.openapi(configRoutes.revert, async (context) => {
    const { revision: id, ...given } = context.req.valid('json');
    const options = { ...given, author: authorOf(context, given.author) };
    const result =
      id === undefined
        ? await configuration.rollBack(options.author)
        : await configuration.restore(id, options);
    return result.ok ? context.json(result.value, 200) : refuse(context, result);
  });
  api.openapi(configRoutes.history, (context) => {
    const result = configuration.history();
    if (!result.ok) return refuse(context, result);
    const { before = Number.POSITIVE_INFINITY, limit } = context.req.valid('query');
    const older = result.value.filter(({ id }) => id < before);
    const revisions = older.slice(0, limit);
    const next = revisions.length < older.length ? revisions.at(-1)?.id : undefined;
    return context.json({ revisions, before: next ?? null }, 200);
  });
  api.openapi(configRoutes.revision, (context) => {
    const { against } = context.req.valid('query');
    const result = configuration.revision(context.req.valid('param').id, against);
    return result.ok ? context.json(result.value, 200) : refuse(context, result);
  });
}
