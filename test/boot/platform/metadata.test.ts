import { describe, expect, test } from 'vitest';
import { fetchAws } from '../../../firmware/boot/platform/aws/fetch.ts';
import { fetchGcp } from '../../../firmware/boot/platform/gcp/fetch.ts';
import { hasMetadataService } from '../../../firmware/boot/platform/metadata.ts';
import {
  decodedUserData,
  type MetadataAnswer,
  type MetadataRequest,
  userDataOf,
} from '../../../firmware/boot/platform/metadata-http.ts';

const octets = (text: string) => new TextEncoder().encode(text);
const answer = (status: number, body = ''): MetadataAnswer => ({
  ...{ ok: true, status, headers: {}, body: octets(body) },
});

describe('what an answer means', () => {
  test.each<[number, string, boolean | null]>([
    [200, 'found', null],
    [404, 'absent', null],
    [301, 'failed', true],
    [401, 'failed', true],
    [429, 'failed', false],
    [500, 'failed', false],
    [503, 'failed', false],
  ])('%i: %s', (status, state, lasting) => {
    const data = userDataOf(answer(status, 'x'));
    expect([data.state, data.state === 'failed' ? data.lasting : null]).toEqual([state, lasting]);
  });

  test('base64 is decoded, also in lines; what is none is not guessed at', () => {
    const decoded = (text: string) => decodedUserData({ state: 'found', octets: octets(text) });
    expect(decoded('aGl0\naGU6\n')).toEqual({ state: 'found', octets: octets('hithe:') });
    expect(decoded('\n')).toEqual({ state: 'absent' });
    for (const text of ['a', '{"version":1}', 'aGl0aG=U'])
      expect(decoded(text)).toMatchObject({ state: 'failed', lasting: true });
  });
});

test('a token that would break out of its header is none', async () => {
  const requests: MetadataRequest[] = [];
  const data = await fetchAws(async (request) => {
    requests.push(request);
    return answer(200, 'token\r\nhost: evil');
  });
  expect(data).toMatchObject({ state: 'failed', reason: 'its token is none' });
  expect(requests).toHaveLength(1);
});

test('user-data of a service that does not say that it is Google’s is not taken', async () => {
  expect(await fetchGcp(async () => answer(200, '{"version":1}'))).toMatchObject({ state: 'failed' });
});

test('only clouds are asked', () => {
  expect(['aws', 'qemu', 'board', 'generic'].map((name) => hasMetadataService(name as 'aws'))).toEqual([
    ...[true, false, false, false],
  ]);
});
