import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { nameOf } from '../access.ts';
import { limits } from '../limits.ts';
import {
  type ConfigurationResult,
  refusals,
  refuse as refuseSettings,
  type SettingsApplied,
  settingsApplied,
  settingsPlan,
  type TrialOptions,
} from './config-route.ts';
import { type ProblemCode, problemAnswer } from './problem.ts';
import { type Api, type ApiEnvironment, apiRoute } from './route.ts';
import { body, json } from './route-content.ts';

const made = z.object({
  hostname: z.string(),
  time: z.string(),
  product: z.string(),
  revision: z.number().int().nullable(),
});

const backup = z
  .object({
    /** The version of its form. */
    hitheBackup: z.literal(1),
    made,
    /** Where nothing is sealed: the saved settings, secrets hidden. */
    settings: z.looseObject({}).optional(),
    /** Under a password: AES-256-GCM with a key of scrypt (2^15, 8, 3); salt and nonce in hexadecimal. */
    sealed: z.object({ salt: z.string(), nonce: z.string(), content: z.string() }).optional(),
  })
  .openapi('Backup');
export type Backup = z.infer<typeof backup>;

const restorePlan = z
  .object({
    made,
    /** Secrets that the backup does not have and the box neither, `receiver: header`: to be entered again. */
    missing: z.array(z.string()).readonly(),
    plan: settingsPlan,
  })
  .openapi('RestorePlan');
export type RestorePlan = z.infer<typeof restorePlan>;

export type BackupResult<Value> =
  | ConfigurationResult<Value>
  | {
      readonly ok: false;
      readonly code: Extract<ProblemCode, `backup-${string}`>;
      readonly detail: string;
    };

/** Settings as a file, and back. */
export interface Backups {
  /** @param password seals it, secrets and all; null: secrets are hidden */
  make(password: string | null): Promise<BackupResult<Backup>>;
  plan(backup: unknown, password: string | null): Promise<BackupResult<RestorePlan>>;
  /** Puts its settings in force on trial. */
  restore(
    backup: unknown,
    password: string | null,
    options: TrialOptions,
  ): Promise<BackupResult<SettingsApplied>>;
}

const password = z
  .string()
  .max(limits.passwordLength)
  .refine(
    (text) => [...text.normalize('NFC')].length >= limits.passwordCodePoints,
    `has at least ${limits.passwordCodePoints} characters`,
  );
const given = {
  /** The file as it was downloaded. */
  backup: z.looseObject({}),
  password: z.string().max(limits.passwordLength).optional(),
};

const routes = {
  make: apiRoute({
    method: 'get',
    path: '/api/v1/backup',
    access: 'read',
    summary: 'The saved settings as a file, secrets hidden',
    responses: { 200: json('The backup', backup), ...refusals },
  }),
  seal: apiRoute({
    method: 'post',
    path: '/api/v1/backup',
    access: 'own',
    dangerous: true,
    summary: 'The saved settings as a file, secrets and all, encrypted under a password',
    request: body(z.strictObject({ password })),
    responses: { 200: json('The backup', backup), ...refusals },
  }),
  plan: apiRoute({
    method: 'post',
    path: '/api/v1/restore/plan',
    access: 'own',
    changesNothing: true,
    bodyBytes: limits.backupBodyBytes,
    summary: 'What a backup would change; nothing is done',
    request: body(z.strictObject(given)),
    responses: { 200: json('The plan', restorePlan), ...refusals },
  }),
  restore: apiRoute({
    method: 'post',
    path: '/api/v1/restore',
    access: 'own',
    dangerous: true,
    bodyBytes: limits.backupBodyBytes,
    summary: 'Tries the settings of a backup: in force at once, taken back by itself unless it is confirmed',
    request: body(
      z.strictObject({
        ...given,
        seconds: z
          .int()
          .min(limits.trialSeconds[0])
          .max(limits.trialSeconds[1])
          .default(limits.trialSecondsUnlessTold),
        automatic: z.boolean().default(false),
      }),
    ),
    responses: { 200: json('In force on trial', settingsApplied), ...refusals },
  }),
};

export function addBackupRoutes(app: Api, backups: Backups): void {
  app.openapi(routes.make, async (context) => {
    const result = await backups.make(null);
    return result.ok ? context.json(result.value, 200) : refuse(context, result);
  });
  app.openapi(routes.seal, async (context) => {
    const result = await backups.make(context.req.valid('json').password);
    return result.ok ? context.json(result.value, 200) : refuse(context, result);
  });
  app.openapi(routes.plan, async (context) => {
    const asked = context.req.valid('json');
    const result = await backups.plan(asked.backup, asked.password ?? null);
    return result.ok ? context.json(result.value, 200) : refuse(context, result);
  });
  app.openapi(routes.restore, async (context) => {
    const asked = context.req.valid('json');
    const result = await backups.restore(asked.backup, asked.password ?? null, {
      ...{ author: nameOf(context.get('actor')).slice(0, limits.authorLength) },
      ...{ seconds: asked.seconds, automatic: asked.automatic },
    });
    return result.ok ? context.json(result.value, 200) : refuse(context, result);
  });
}

function refuse(context: Context<ApiEnvironment>, refusal: BackupResult<unknown> & { readonly ok: false }) {
  switch (refusal.code) {
    case 'backup-wrong':
      return problemAnswer(context, refusal.code, refusal.detail);
    case 'backup-password':
      return problemAnswer(context, refusal.code, refusal.detail);
    default:
      return refuseSettings(context, refusal);
  }
}
