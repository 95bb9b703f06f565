import { limits } from '../limits.ts';
import { fetchAlibaba } from './alibaba/fetch.ts';
import { fetchAws } from './aws/fetch.ts';
import { fetchAzure } from './azure/fetch.ts';
import { fetchGcp } from './gcp/fetch.ts';
import type { MetadataHttp, UserData } from './metadata-http.ts';
import { fetchOpenstack } from './openstack/fetch.ts';
import { fetchOracle } from './oracle/fetch.ts';
import type { PlatformName } from './platform.ts';

/** Clouds whose metadata service has user-data, and how each is asked. */
const fetchers = {
  aws: fetchAws,
  azure: fetchAzure,
  gcp: fetchGcp,
  alibaba: fetchAlibaba,
  oracle: fetchOracle,
  openstack: fetchOpenstack,
} as const;

/** Whether the platform has a metadata service that this project knows. */
export function hasMetadataService(platform: PlatformName): platform is keyof typeof fetchers {
  return Object.hasOwn(fetchers, platform);
}

export type MetadataPorts = {
  readonly http: MetadataHttp;
  /** Resolves earlier when the signal is aborted. */
  readonly wait: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
  readonly log: (level: 'info' | 'warning', message: string) => void;
};

/**
 * The user-data that the platform's metadata service has. A service that does not answer, or says that it cannot now, is
 * asked again a few times, later each time: the underlay may not be up yet. Never rejects.
 */
export async function fetchUserData(
  platform: keyof typeof fetchers,
  { http, wait, signal, log }: MetadataPorts,
): Promise<UserData> {
  let delayMs: number = limits.metadataFirstDelayMs;
  let last: UserData = { state: 'failed', reason: 'it was not asked', lasting: false };
  for (let tries = 0; tries < limits.metadataTries && !signal.aborted; tries++) {
    last = await fetchers[platform](http);
    if (last.state !== 'failed' || last.lasting) return last;
    log('info', `The metadata service does not serve yet: ${last.reason}`);
    await wait(delayMs, signal);
    delayMs = Math.min(2 * delayMs, limits.metadataLongestDelayMs);
  }
  return last;
}
