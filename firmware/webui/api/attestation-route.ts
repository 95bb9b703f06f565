import { z } from '@hono/zod-openapi';
import { limits } from '../limits.ts';
import { problemAnswer } from './problem.ts';
import { type Api, apiRoute } from './route.ts';
import { problem } from './route-content.ts';

const measuredPcr = z.object({
  index: z.number().int(),
  value: z.string(),
  replayed: z.string(),
  /** Against the release: `unknown` where none is there, or where the PCR is the machine's own. */
  comparison: z.enum(['same', 'different', 'unknown']),
  finding: z
    .object({
      problem: z.string(),
      eventIndex: z.number().int().nullable(),
      expected: z.string().nullable(),
      actual: z.string().nullable(),
    })
    .nullable(),
  /** Types and texts are the words of whoever wrote the log. */
  events: z.array(
    z.object({ index: z.number().int(), type: z.string(), text: z.string(), digest: z.string() }),
  ),
});

/** A step of the boot, as far as the registers speak of it. Expected and actual are SHA-256 in hexadecimal. */
const chainLink = z.object({
  name: z.enum(['firmware', 'loader', 'image', 'bundle', 'settings']),
  pcrs: z.array(z.number().int()).readonly(),
  comparison: z.enum(['same', 'different', 'unknown']),
  expected: z.string().nullable(),
  actual: z.string().nullable(),
  problems: z
    .array(
      z.object({
        problem: z.string(),
        pcr: z.number().int().nullable(),
        event: z.object({ index: z.number().int(), type: z.string(), text: z.string() }).nullable(),
        expected: z.string().nullable(),
        actual: z.string().nullable(),
      }),
    )
    .readonly(),
});

export const measuredBoot = z
  .object({
    /** The release whose signed manifest lies on the box; null where none does, and nothing is compared. */
    release: z.object({ version: z.string(), development: z.boolean() }).nullable(),
    /** The box looked at itself, which proves nothing to anybody else: evidence is appraised elsewhere. */
    selfAppraisal: z.literal(true),
    pcrBank: z.string(),
    /** From the firmware to the settings, in the order of the boot. */
    chain: z.array(chainLink).readonly(),
    pcrs: z.array(measuredPcr).readonly(),
  })
  .openapi('MeasuredBoot');
export type MeasuredBoot = z.infer<typeof measuredBoot>;

/** What the box says of its own boot; the reasons are for people. */
export interface Attestation {
  /** Evidence for a challenge: 8 to 64 octets in hexadecimal. */
  evidence(
    nonce: string,
  ): Promise<
    { readonly ok: true; readonly document: object } | { readonly ok: false; readonly reason: string }
  >;
  /** The secret in an enrolment challenge, in hexadecimal. */
  activate(
    challenge: object,
  ): Promise<
    { readonly ok: true; readonly secret: string } | { readonly ok: false; readonly reason: string }
  >;
  measuredBoot(): Promise<
    { readonly ok: true; readonly boot: MeasuredBoot } | { readonly ok: false; readonly reason: string }
  >;
}

/** Public: evidence proves itself to whoever asks, and a challenge is opened for the TPM that it was made for alone. */
const evidenceRoute = apiRoute({
  method: 'post',
  path: '/api/v1/attestation/evidence',
  access: 'public',
  changesNothing: true,
  summary: 'Evidence for a challenge, as `hithe attest appraise` takes it',
  request: {
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z.strictObject({
            /** 8 to 64 octets in hexadecimal, never used before. */
            nonce: z.string().regex(/^([0-9a-fA-F]{2}){8,64}$/),
          }),
        },
      },
    },
  },
  responses: {
    200: {
      description: 'Evidence: nothing in it is to be believed before it is appraised',
      content: { 'application/json': { schema: z.looseObject({ type: z.literal('hithe-evidence') }) } },
    },
    400: problem('The body is not {"nonce": "…"}'),
    503: problem('The TPM is busy with other evidence, or does not answer'),
  },
});

const hexadecimal = (octets: number) =>
  z
    .string()
    .max(2 * octets)
    .regex(/^([0-9a-fA-F]{2})*$/);

const activationRoute = apiRoute({
  method: 'post',
  path: '/api/v1/attestation/activation',
  access: 'public',
  changesNothing: true,
  summary: 'Opens an enrolment challenge, as `hithe attest challenge` makes it',
  request: {
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z.strictObject({
            type: z.literal('hithe-enrolment-challenge'),
            endorsementKey: hexadecimal(limits.tpmStructure),
            credentialBlob: hexadecimal(limits.tpmStructure),
            encryptedSeed: hexadecimal(limits.tpmStructure),
          }),
        },
      },
    },
  },
  responses: {
    200: {
      description: 'The secret of the challenge: only the TPM with both its keys gives it',
      content: { 'application/json': { schema: z.object({ secret: z.string() }) } },
    },
    400: problem('The body is no enrolment challenge'),
    503: problem('The TPM is busy, does not answer, or is not the one that the challenge is for'),
  },
});

const measuredBootRoute = apiRoute({
  method: 'get',
  path: '/api/v1/attestation',
  access: 'read',
  openUntilClaimed: true,
  summary: 'The measured boot: each PCR with the events that made it, beside what the release expects',
  responses: {
    200: { description: 'The measured boot', content: { 'application/json': { schema: measuredBoot } } },
    503: problem('The TPM is busy with other evidence, or does not answer'),
  },
});

/** A TPM does one thing at a time, and signs for the tunnels: asking for evidence must not keep it from that. */
export function addAttestationRoutes(api: Api, attestation: Attestation): void {
  let underWay = 0;
  const inTurn = async <Value>(work: () => Promise<Value>): Promise<Value | null> => {
    if (underWay >= limits.evidenceAtOnce) return null;
    underWay += 1;
    try {
      return await work();
    } finally {
      underWay -= 1;
    }
  };
  const busy = 'The TPM is busy with other evidence. Ask again in a moment.';

  api.openapi(evidenceRoute, async (context) => {
    const answer = await inTurn(() => attestation.evidence(context.req.valid('json').nonce));
    if (answer === null) return problemAnswer(context, 'no-evidence', busy, { 'retry-after': '2' });
    if (!answer.ok) return problemAnswer(context, 'no-evidence', answer.reason);
    return context.json({ ...answer.document, type: 'hithe-evidence' as const }, 200);
  });

  api.openapi(activationRoute, async (context) => {
    const answer = await inTurn(() => attestation.activate(context.req.valid('json')));
    if (answer === null) return problemAnswer(context, 'no-evidence', busy, { 'retry-after': '2' });
    if (!answer.ok) return problemAnswer(context, 'no-evidence', answer.reason);
    return context.json({ secret: answer.secret }, 200);
  });

  api.openapi(measuredBootRoute, async (context) => {
    const answer = await inTurn(() => attestation.measuredBoot());
    if (answer === null) return problemAnswer(context, 'no-evidence', busy, { 'retry-after': '2' });
    if (!answer.ok) return problemAnswer(context, 'no-evidence', answer.reason);
    return context.json(answer.boot, 200);
  });
}
