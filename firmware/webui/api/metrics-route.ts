import type { Connection } from '../ports.ts';
import { problemResponse } from './problem.ts';
import type { Api } from './route.ts';

/** What the box knows in numbers, for Prometheus. */
export interface MetricsView {
  /** Whether it is for who asks over the network. */
  mayRead(connection: Connection): boolean;
  text(): Promise<string>;
}

export const metricsPath = '/metrics';

/** Collectors have no sessions: who is on the management side may read it, if the settings say so; the box itself always. */
export function addMetricsRoute(api: Api, metrics: MetricsView): void {
  api.get(metricsPath, async (context) => {
    // Whoever may not read it is not told that it is there.
    if (context.env.transport !== 'local' && !metrics.mayRead(context.env))
      return problemResponse('not-found', 'There is nothing at this address.');
    return context.body(await metrics.text(), 200, {
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
      'cache-control': 'no-store',
    });
  });
}
