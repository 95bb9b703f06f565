import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { limits } from '../../../firmware/boot/limits.ts';
import { type Conversation, Laboratory, missingForNamespaces } from '../../netd/namespace.ts';
import type { ClientAnswer } from './metadata-client.fixture.ts';
import type { ServiceRequest } from './metadata-service.ts';

// A slow service takes its second each of the times that it is asked.
vi.setConfig({ testTimeout: 60_000 });

const missing = missingForNamespaces();
const clouds = ['aws', 'azure', 'gcp', 'alibaba', 'oracle', 'openstack'] as const;
const userData = '{"version":1,"hostname":"plant-7"}\n';

describe.skipIf(missing !== null)(
  `metadata services at their real addresses${missing === null ? '' : ` (${missing})`}`,
  () => {
    let lab: Laboratory;
    let service: Conversation;
    let box: Conversation;
    beforeAll(async () => {
      lab = new Laboratory();
      await lab.namespaces('box', 'cloud');
      await lab.cable('box:eth0', 'cloud:eth0');
      await lab.ip('box', 'link set eth0 up');
      await lab.ip('box', 'address add 10.0.0.2/24 dev eth0');
      await lab.ip('box', 'route add default via 10.0.0.1');
      await lab.ip('cloud', 'link set eth0 up');
      for (const address of ['10.0.0.1/24', '169.254.169.254/32', '100.100.100.200/32'])
        await lab.ip('cloud', `address add ${address} dev eth0`);
      service = lab.converse('cloud', '../boot/platform/metadata-service.fixture.ts');
      box = lab.converse('box', '../boot/platform/metadata-client.fixture.ts');
    });
    afterAll(() => lab[Symbol.asyncDispose]());

    async function ask(
      platform: (typeof clouds)[number],
      behaviour: ServiceRequest['behaviour'] = 'serves',
      rest: Partial<ServiceRequest> = {},
    ): Promise<ClientAnswer> {
      await service.ask({ behaviour, userData, ...rest } satisfies ServiceRequest);
      box.send({ platform });
      return await box.next<ClientAnswer>(() => true, 50_000);
    }

    test.each(clouds)(
      '%s: user-data, by the tokens and headers that the service insists on',
      async (platform) => {
        expect(await ask(platform)).toMatchObject({ state: 'found', text: userData });
      },
    );

    test.each(clouds)('%s: an instance without user-data', async (platform) => {
      expect(await ask(platform, 'none')).toMatchObject({ state: 'absent' });
      expect(await ask(platform, 'serves', { userData: '' })).toMatchObject({ state: 'absent' });
    });

    test.each(clouds)('%s: a service that is not ready yet is asked again', async (platform) => {
      expect((await ask(platform, 'broken', { times: 1 })).state).toBe('found');
    });

    test.each<[ServiceRequest['behaviour'], RegExp, number]>([
      ['broken', /status 503/, limits.metadataTries],
      ['drips', /too slow/, limits.metadataTries],
      ['floods', /larger than 100000 octets/, limits.metadataTries],
      ['hangs-up', /hang up|ECONNRESET/, limits.metadataTries],
      ['redirects', /status 302/, 1],
    ])('a service that %s is given up in the end', async (behaviour, reason, asked) => {
      const answer = await ask('aws', behaviour);
      expect(answer).toMatchObject({ state: 'failed', reason: expect.stringMatching(reason), asked });
    });
  },
);
