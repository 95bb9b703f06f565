import { fetchWithToken, type MetadataHttp, type UserData } from '../metadata-http.ts';

/** @see Alibaba Cloud ECS, "Access instance metadata", security hardening mode */
export function fetchAlibaba(http: MetadataHttp): Promise<UserData> {
  return fetchWithToken(http, {
    service: 'http://100.100.100.200',
    userData: '/latest/user-data',
    lifetimeHeader: 'x-aliyun-ecs-metadata-token-ttl-seconds',
    tokenHeader: 'x-aliyun-ecs-metadata-token',
  });
}
