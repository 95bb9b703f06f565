import { Agent, request } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { type Status, status as statusSchema } from '../firmware/webui/api/status-schema.ts';
import { HarnessError } from './harness-error.ts';
import { limits } from './limits.ts';

export type PageAnswer = {
  readonly statusCode: number;
  readonly contentType: string;
  readonly body: string;
  /** The body as it came. */
  readonly octets: Uint8Array;
  /** SHA-256 of the certificate that the page showed, in the notation of browsers. */
  readonly fingerprint: string;
};

/** A gateway's page and API as a browser beside the box reaches them. */
export class PageClient {
  readonly url: string;
  /** One connection for all requests: a handshake each would keep an emulated processor from its work. */
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1, maxCachedSessions: 0 });
  /** Of whoever signed in: sent with every request, as a browser does. */
  #session: { readonly cookie: string; readonly csrfToken: string } | null = null;

  constructor(port: number) {
    this.url = `https://127.0.0.1:${port}/`;
  }

  /** @param timeoutMs without an octet, for what a box needs longer for than for a page */
  get(path: string, timeoutMs?: number): Promise<PageAnswer> {
    return this.#ask(path, undefined, timeoutMs);
  }

  /**
   * Claims the box with the code that its console shows, or sets a new password with the console's recovery code. Signed
   * in as its owner from then on.
   */
  async claim(code: string, password: string): Promise<void> {
    const { session } = await this.#begin<{ session: { csrfToken: string } }>('/api/v1/claim', {
      code,
      password,
    });
    this.#keepToken(session.csrfToken);
  }

  async signIn(name: string, password: string): Promise<void> {
    this.#session = null;
    const { csrfToken } = await this.#begin<{ csrfToken: string }>('/api/v1/session', { name, password });
    this.#keepToken(csrfToken);
  }

  /** Gives the password again, before dangerous acts. */
  async confirmPassword(password: string): Promise<void> {
    await this.#begin('/api/v1/session/confirm', { password });
  }

  async #begin<Answer>(path: string, document: object): Promise<Answer> {
    const { statusCode, body } = await this.#ask(path, JSON.stringify(document), limits.passwordMs);
    if (statusCode !== 200)
      throw new HarnessError('refused', `${path} answered ${statusCode}: ${body.slice(0, 200)}`);
    return JSON.parse(body) as Answer;
  }

  #keepToken(csrfToken: string): void {
    this.#session = { cookie: this.#session?.cookie ?? '', csrfToken };
  }

  /** Sends a JSON document, as a program beside the box does. */
  post(path: string, document: object): Promise<PageAnswer> {
    return this.postText(path, JSON.stringify(document));
  }

  /** Sends any text as if it were a JSON document. @param timeoutMs without an octet */
  postText(path: string, text: string, timeoutMs?: number): Promise<PageAnswer> {
    return this.#ask(path, text, timeoutMs);
  }

  #ask(path: string, body?: string, timeout: number = limits.requestMs): Promise<PageAnswer> {
    return new Promise((resolve, reject) => {
      // The certificate is self-signed: what vouches for it is its fingerprint, which the console shows.
      const session = this.#session;
      const headers = {
        ...(session !== null && { cookie: session.cookie, 'x-csrf-token': session.csrfToken }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      };
      const options = {
        ...{ rejectUnauthorized: false, agent: this.#agent, timeout },
        ...{ method: body === undefined ? 'GET' : 'POST', headers },
      };
      const asked = request(new URL(path, this.url), options, (response) => {
        const fingerprint = (response.socket as TLSSocket).getPeerCertificate().fingerprint256;
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          const [cookie] = response.headers['set-cookie']?.[0]?.split(';') ?? [];
          if (cookie !== undefined) this.#session = { cookie, csrfToken: this.#session?.csrfToken ?? '' };
          const octets = Buffer.concat(parts);
          const contentType = response.headers['content-type'] ?? '';
          const statusCode = response.statusCode ?? 0;
          resolve({ statusCode, contentType, body: octets.toString('utf8'), octets, fingerprint });
        });
      });
      asked.on('timeout', () =>
        asked.destroy(new HarnessError('timeout', `${this.url} did not answer in time.`)),
      );
      asked.on('error', reject);
      asked.end(body);
    });
  }

  /** Waits until the page answers. Until the guest has its address, connections hang or are reset. */
  async waitForPage(timeoutMs: number = limits.pageMs): Promise<PageAnswer> {
    return this.#poll('The page did not answer', timeoutMs, limits.pagePollMs, async () => {
      const answer = await this.get('/');
      return answer.statusCode === 200 ? answer : null;
    });
  }

  /** The status, checked against its published schema. */
  async status(): Promise<Status> {
    const { statusCode, body } = await this.get('/api/v1/status');
    if (statusCode !== 200)
      throw new HarnessError('refused', `The status answered ${statusCode}: ${body.slice(0, 200)}`);
    return statusSchema.parse(JSON.parse(body));
  }

  /** Waits until the status is as wanted; while the network is being set up it may not be there at all. */
  async waitForStatus(
    wanted: string,
    isWanted: (status: Status) => boolean,
    timeoutMs: number,
  ): Promise<Status> {
    let last: Status | null = null;
    return this.#poll(`The gateway did not get to: ${wanted}`, timeoutMs, limits.statusPollMs, async () => {
      last = await this.status();
      return isWanted(last) ? last : null;
    }).catch((cause: unknown) => {
      const seen =
        last === null
          ? 'no status at all'
          : `${JSON.stringify(last.tunnels)} ${JSON.stringify(last.network)}`;
      throw new HarnessError(
        'timeout',
        `${cause instanceof Error ? cause.message : cause}; last seen: ${seen}`,
        { cause },
      );
    });
  }

  async #poll<T>(
    failure: string,
    timeoutMs: number,
    pauseMs: number,
    attempt: () => Promise<T | null>,
  ): Promise<T> {
    const deadline = performance.now() + timeoutMs;
    let cause: unknown = null;
    while (performance.now() < deadline) {
      try {
        const result = await attempt();
        if (result !== null) return result;
      } catch (error) {
        cause = error;
      }
      await delay(pauseMs);
    }
    throw new HarnessError('timeout', `${failure} within ${timeoutMs / 1000} s`, { cause });
  }
}
