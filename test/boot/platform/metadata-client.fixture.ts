// Runs in a network namespace: asks for user-data as the firmware does, with less patience.
import { createInterface } from 'node:readline';
import { fetchUserData } from '../../../firmware/boot/platform/metadata.ts';
import { metadataHttp } from '../../../firmware/system/metadata-http.ts';

type Platform = Parameters<typeof fetchUserData>[0];
export type ClientAnswer = { state: string; text: string | null; reason: string | null; asked: number };

const http = metadataHttp({ timeoutMs: 1000, maxOctets: 100_000 });
for await (const line of createInterface(process.stdin)) {
  const { platform } = JSON.parse(line) as { platform: Platform };
  let asked = 0;
  const found = await fetchUserData(platform, {
    http: (request) => {
      asked += 1;
      return http(request);
    },
    wait: async () => {},
    signal: new AbortController().signal,
    log: () => {},
  });
  const answer: ClientAnswer = {
    state: found.state,
    text: found.state === 'found' ? Buffer.from(found.octets).toString('utf8') : null,
    reason: found.state === 'failed' ? found.reason : null,
    asked,
  };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
