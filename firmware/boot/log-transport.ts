/** Where syslog messages go. `ca`: certificates in PEM that the receiver's is checked by, in the place of the public ones. */
export type SyslogReceiver = {
  readonly host: string;
  readonly port: number;
  readonly transport: 'udp' | 'tcp' | 'tls';
  readonly ca: string | null;
};

export type LogRequest = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly ca: string | null;
  readonly body: string;
};

export type LogAnswer =
  | {
      readonly ok: true;
      readonly status: number;
      /** What a Retry-After header asks for. */
      readonly retryAfterMs: number | null;
      readonly body: string;
    }
  | { readonly ok: false; readonly reason: string };

/** How records leave the box. Nothing waits longer than half a minute, or than the signal lets it. */
export interface LogTransport {
  post(request: LogRequest, signal: AbortSignal): Promise<LogAnswer>;
  /**
   * Resolves with why the receiver did not take them, or null. Over TCP and TLS, that it ended the connection in order
   * after everything was sent is its receipt: syslog has no other. Datagrams have none at all.
   */
  sendSyslog(
    receiver: SyslogReceiver,
    messages: readonly string[],
    signal: AbortSignal,
  ): Promise<string | null>;
}
