import type { Status } from '../webui/api/status-schema.ts';

/** What the console knows of the box. */
export interface ConsoleFacts {
  readonly status: Pick<
    Status,
    | 'hostname'
    | 'image'
    | 'platform'
    | 'tpm'
    | 'identity'
    | 'warnings'
    | 'tunnels'
    | 'alarms'
    | 'network'
    | 'trial'
  >;
  /** Addresses that the page listens on, without prefix length. */
  readonly addresses: readonly string[];
  /** SHA-256 with colons, or null while the page is not up. */
  readonly fingerprint: string | null;
  /** Null once the box is claimed. */
  readonly claimCode: string | null;
  /** What the box finds when it holds its own measured boot against the release; null until it has looked. */
  readonly measuredBoot: string | null;
  /** Whether the settings in force allow a shell here. */
  readonly shellAllowed: boolean;
}
