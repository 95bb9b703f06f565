import { problemSchema } from '../../../firmware/webui/api/problem.ts';
import { post, type SignedIn, type TestSite, testPassword } from '../test-site.ts';

export async function codeOf(answer: Response | Promise<Response>): Promise<string> {
  return problemSchema.parse(await (await answer).json()).code;
}

export const signInBody = (name: string, password: string) => post(JSON.stringify({ name, password }));

export const signInAt = (site: TestSite, name: string, password: string, from?: string) =>
  site.request('/api/v1/session', signInBody(name, password), 'https', from);

/** Claims the box without signing anybody in. */
export async function claimOf(site: TestSite): Promise<void> {
  await site.claim.attempt(
    site.claim.code() ?? '',
    '192.168.1.9',
    site.accounts.keepOwner('admin', testPassword),
  );
}

export const confirm = (owner: SignedIn) =>
  owner.request('/api/v1/session/confirm', post(JSON.stringify({ password: testPassword })));
