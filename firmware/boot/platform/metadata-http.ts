/** One request to a metadata service. There are no redirects, and no names to resolve: services are known by address. */
export type MetadataRequest = {
  readonly method: 'GET' | 'PUT';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
};
export type MetadataAnswer =
  | {
      readonly ok: true;
      readonly status: number;
      /** Names in lower case. */
      readonly headers: Readonly<Record<string, string>>;
      readonly body: Uint8Array;
    }
  /** Nobody answered, too slowly, too much, or not in HTTP. */
  | { readonly ok: false; readonly reason: string };

/** Bounded in time and size by whoever implements it. Never rejects. */
export type MetadataHttp = (request: MetadataRequest) => Promise<MetadataAnswer>;

/** What a metadata service has for the box. `lasting`: asking again would not help. */
export type UserData =
  | { readonly state: 'found'; readonly octets: Uint8Array }
  | { readonly state: 'absent' }
  | { readonly state: 'failed'; readonly reason: string; readonly lasting: boolean };

/** Where most clouds have their service (link-local, RFC 3927), and Alibaba's. */
export const linkLocalService = 'http://169.254.169.254';

/** What an answer to a question for user-data means: 404 is the word of every cloud for "none". */
export function userDataOf(answer: MetadataAnswer): UserData {
  if (!answer.ok) return { state: 'failed', reason: answer.reason, lasting: false };
  const { status, body } = answer;
  if (status === 200) return body.length === 0 ? { state: 'absent' } : { state: 'found', octets: body };
  if (status === 404) return { state: 'absent' };
  // 4xx is about the request, which will be the same again; but a limit of its rate passes.
  const lasting = status >= 300 && status < 500 && status !== 429;
  return { state: 'failed', reason: `it answers with status ${status}`, lasting };
}

/** User-data that the service hands out as base64. */
export function decodedUserData(data: UserData): UserData {
  if (data.state !== 'found') return data;
  const text = new TextDecoder().decode(data.octets).replaceAll(/\s+/g, '');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0)
    return { state: 'failed', reason: 'what it has is not base64', lasting: true };
  const octets = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return octets.length === 0 ? { state: 'absent' } : { state: 'found', octets };
}

export type TokenService = {
  readonly service: string;
  /** Path below it, and the headers that ask for a token and carry one. */
  readonly userData: string;
  readonly lifetimeHeader: string;
  readonly tokenHeader: string;
};

/** Seconds that a token is asked for: two requests' time. */
const tokenSeconds = '60';

/** A session: a token first, by PUT, which a forged request through a proxy or a web server cannot do. */
export async function fetchWithToken(http: MetadataHttp, service: TokenService): Promise<UserData> {
  const asked = await http({
    method: 'PUT',
    url: `${service.service}/latest/api/token`,
    headers: { [service.lifetimeHeader]: tokenSeconds },
  });
  const given = userDataOf(asked);
  if (given.state === 'absent') return { state: 'failed', reason: 'it gives no token', lasting: false };
  if (given.state === 'failed') return given;
  const token = new TextDecoder().decode(given.octets).trim();
  // It goes into a header: one line of visible letters.
  if (!/^[\x21-\x7e]{1,1024}$/.test(token))
    return { state: 'failed', reason: 'its token is none', lasting: true };
  const headers = { [service.tokenHeader]: token };
  return userDataOf(await http({ method: 'GET', url: `${service.service}${service.userData}`, headers }));
}
