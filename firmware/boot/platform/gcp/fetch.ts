import { linkLocalService, type MetadataHttp, type UserData, userDataOf } from '../metadata-http.ts';

/** @see Google Compute Engine, "View and query VM metadata": who does not say whose service it is, is not Google's */
export async function fetchGcp(http: MetadataHttp): Promise<UserData> {
  const answer = await http({
    method: 'GET',
    url: `${linkLocalService}/computeMetadata/v1/instance/attributes/user-data`,
    headers: { 'metadata-flavor': 'Google' },
  });
  if (answer.ok && answer.status === 200 && answer.headers['metadata-flavor'] !== 'Google')
    return { state: 'failed', reason: 'it is not Google’s', lasting: true };
  return userDataOf(answer);
}
