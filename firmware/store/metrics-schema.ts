import { z } from 'zod';

/** Whether `/metrics` is served for Prometheus: to nobody, or on the management side. */
export const metricsSettings = z.strictObject({ listen: z.enum(['off', 'management']) });
export const defaultMetrics: z.infer<typeof metricsSettings> = { listen: 'off' };
