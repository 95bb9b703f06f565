import { z } from 'zod';
import { flowExportSettings } from './flow-export-schema.ts';
import { limits } from './limits.ts';

/** Records of flows, and how many are kept: whichever bound is met first counts. */
export const flowsSettings = z.strictObject({
  record: z.boolean(),
  keep: z.strictObject({
    days: z.int().min(1).max(limits.flowDays),
    mebibytes: z.int().min(limits.flowMebibytes[0]).max(limits.flowMebibytes[1]),
  }),
  /** Receivers that flows and alarms are sent to, each with a name of its own. */
  export: z
    .array(flowExportSettings)
    .max(limits.flowReceivers)
    .superRefine((receivers, context) => {
      for (const [index, { name }] of receivers.entries())
        if (receivers.findIndex((other) => other.name === name) < index)
          context.addIssue({
            code: 'custom',
            path: [index, 'name'],
            message: `the name ${name} stands twice`,
          });
    }),
});
export type FlowsSettings = z.infer<typeof flowsSettings>;

/** Any part of it, as a layer has it. */
export const flowsLayer = flowsSettings.extend({ keep: flowsSettings.shape.keep.partial() }).partial();

/** A month of a plant's flows, in what a small state partition can spare. */
export const defaultFlows: FlowsSettings = { record: true, keep: { days: 30, mebibytes: 256 }, export: [] };
