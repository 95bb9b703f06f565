import { fetchWithToken, linkLocalService, type MetadataHttp, type UserData } from '../metadata-http.ts';

/** @see Amazon EC2 User Guide, "Use the Instance Metadata Service": version 2 alone, which works on every instance */
export function fetchAws(http: MetadataHttp): Promise<UserData> {
  return fetchWithToken(http, {
    service: linkLocalService,
    userData: '/latest/user-data',
    lifetimeHeader: 'x-aws-ec2-metadata-token-ttl-seconds',
    tokenHeader: 'x-aws-ec2-metadata-token',
  });
}
