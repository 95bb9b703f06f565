import {
  decodedUserData,
  linkLocalService,
  type MetadataHttp,
  type UserData,
  userDataOf,
} from '../metadata-http.ts';

/** @see Azure Instance Metadata Service, "Get user data": base64 as it was given */
export async function fetchAzure(http: MetadataHttp): Promise<UserData> {
  const url = `${linkLocalService}/metadata/instance/compute/userData?api-version=2021-01-01&format=text`;
  return decodedUserData(userDataOf(await http({ method: 'GET', url, headers: { metadata: 'true' } })));
}
