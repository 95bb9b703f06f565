import { z } from 'zod';
import { limits } from './limits.ts';

/** Records of flows, and how many are kept: whichever bound is met first counts. */
export const flowsSettings = z.strictObject({
  record: z.boolean(),
  keep: z.strictObject({
    days: z.int().min(1).max(limits.flowDays),
    mebibytes: z.int().min(limits.flowMebibytes[0]).max(limits.flowMebibytes[1]),
  }),
});
export type FlowsSettings = z.infer<typeof flowsSettings>;

/** Any part of it, as a layer has it. */
export const flowsLayer = flowsSettings.extend({ keep: flowsSettings.shape.keep.partial() }).partial();

/** A month of a plant's flows, in what a small state partition can spare. */
export const defaultFlows: FlowsSettings = { record: true, keep: { days: 30, mebibytes: 256 } };
