import {
  decodedUserData,
  linkLocalService,
  type MetadataHttp,
  type UserData,
  userDataOf,
} from '../metadata-http.ts';

/** @see Oracle Cloud Infrastructure, "Getting Instance Metadata": version 2 alone */
export async function fetchOracle(http: MetadataHttp): Promise<UserData> {
  const url = `${linkLocalService}/opc/v2/instance/metadata/user_data`;
  const headers = { authorization: 'Bearer Oracle' };
  return decodedUserData(userDataOf(await http({ method: 'GET', url, headers })));
}
