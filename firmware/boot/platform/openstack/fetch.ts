import { linkLocalService, type MetadataHttp, type UserData, userDataOf } from '../metadata-http.ts';

/** @see OpenStack Nova, "Metadata service", OpenStack format */
export async function fetchOpenstack(http: MetadataHttp): Promise<UserData> {
  const url = `${linkLocalService}/openstack/latest/user_data`;
  return userDataOf(await http({ method: 'GET', url, headers: {} }));
}
