import { openAccounts } from '../accounts.ts';
import type { AlarmsView } from '../api/alarms-route.ts';
import type { Associations } from '../api/associations-route.ts';
import type { Attestation } from '../api/attestation-route.ts';
import type { Backups } from '../api/backup-route.ts';
import type { Configuration } from '../api/config-route.ts';
import type { DeviceChanges } from '../api/devices-route.ts';
import type { Diagnostics } from '../api/diagnostics-route.ts';
import type { FactoryReset } from '../api/factory-reset-route.ts';
import type { FlowsView } from '../api/flows-route.ts';
import type { PolicyLearning } from '../api/learn-route.ts';
import type { MetricsView } from '../api/metrics-route.ts';
import type { PolicyView } from '../api/policy-route.ts';
import type { Restart } from '../api/restart-route.ts';
import type { MakeSupportBundle } from '../api/support-route.ts';
import { type Claim, openClaim } from '../claim.ts';
import { reasonOf, WebUiError } from '../error.ts';
import { limits } from '../limits.ts';
import { type PageInterface, pageAddresses } from '../page-addresses.ts';
import type {
  AuditLog,
  CertificateKeys,
  DerivePassword,
  ListenerOptions,
  LogReader,
  RandomBytes,
  ReadApiDocument,
  ReadClock,
  ReadStatus,
  ReplaceIdentity,
  SecretFiles,
  SecurityKeys,
  Sha256,
  ShownPresence,
  TlsCredentials,
  WebListeners,
  WriteLog,
} from '../ports.ts';
import { loadCredentials } from '../tls-credentials.ts';
import { type PageFile, preparePageFiles } from './page-files.ts';
import { createSite } from './site.ts';

export interface WebUiPorts {
  readonly hostname: () => string;
  readonly readStatus: ReadStatus;
  readonly log: LogReader;
  readonly writeLog: WriteLog;
  readonly secrets: SecretFiles;
  readonly keys: CertificateKeys;
  readonly random: RandomBytes;
  readonly now: ReadClock;
  /** Milliseconds since any moment; does not jump. */
  readonly elapsed: ReadClock;
  readonly derivePassword: DerivePassword;
  readonly sha256: Sha256;
  readonly securityKeys: SecurityKeys;
  readonly audit: AuditLog;
  readonly openListeners: (options: ListenerOptions) => WebListeners;
  readonly replaceIdentity: ReplaceIdentity;
  readonly attestation: Attestation;
  readonly configuration: Configuration;
  readonly policy: PolicyView;
  readonly flows: FlowsView;
  readonly associations: Associations;
  readonly learning: PolicyLearning;
  readonly devices: DeviceChanges;
  readonly alarms: AlarmsView;
  readonly metrics: MetricsView;
  readonly backups: Backups;
  readonly diagnostics: Diagnostics;
  readonly restart: Restart;
  readonly support: MakeSupportBundle;
  readonly factoryReset: FactoryReset;
  readonly presence: ShownPresence;
  readonly readApiDocument: ReadApiDocument;
}

export interface WebUiOptions {
  readonly page: readonly PageFile[];
  /** 443 and 80 on a box; others where those are not free. Null: no redirect from plain HTTP. */
  readonly httpsPort: number;
  readonly httpPort: number | null;
  /** Path of the socket for the command line; null: none. */
  readonly localSocket: string | null;
  /** Known at start; the page is served where `pageAddresses` says, and follows `setInterfaces`. */
  readonly interfaces: readonly PageInterface[];
  /** Called after the box has been claimed, for whoever draws the console. */
  readonly onClaimed?: () => void;
}

export interface WebUi {
  /** Addresses that the page listens on now. */
  addresses(): readonly string[];
  readonly fingerprint: string;
  readonly claim: Claim;
  /** A code that the console shows to somebody who has no password; see `Claim.offerRecovery`. */
  offerRecovery(): string | null;
  /** To be called whenever addresses or roles have changed; the page moves there. */
  setInterfaces(interfaces: readonly PageInterface[]): Promise<void>;
  close(): Promise<void>;
}

/** An address that was just assigned may be tentative for a second (RFC 4862 § 5.4), and cannot be listened on until then. */
const retryMs = 1000;
const retries = 10;

/**
 * Brings the page up. Needs the state partition and addresses, nothing else: what is still unknown (TPM, inventory) is
 * filled into the status later.
 * @throws WebUiError where no certificate can be made.
 */
export async function startWebUi(ports: WebUiPorts, options: WebUiOptions): Promise<WebUi> {
  const { writeLog: log } = ports;
  let interfaces = options.interfaces;
  const [claim, accounts] = await Promise.all([
    openClaim({ ...ports, log }),
    openAccounts({ ...ports, log }),
  ]);
  if (claim.claimed() && !accounts.users.list().some(({ role }) => role === 'owner'))
    log('warning', 'This box is claimed and has no owner: its console gives a code that makes one.');
  const credentials = await credentialsFor(ports, pageAddresses(interfaces, claim.claimed()));
  let listening: readonly string[] = [];
  let moving: Promise<void> = Promise.resolve();
  let retry: ReturnType<typeof setTimeout> | null = null;
  let closed = false;

  const site = createSite({
    ...ports,
    claim,
    accounts,
    fingerprint: credentials.fingerprint,
    httpsPort: options.httpsPort,
    page: preparePageFiles(options.page),
    closesWhenClaimed: () => pageAddresses(interfaces, true).length === 0,
    onClaimed() {
      log('info', 'The box has been claimed.');
      options.onClaimed?.();
      void move(retries);
    },
  });
  const listeners = ports.openListeners({
    bounds: limits,
    credentials,
    handler: site.handler,
    broken: site.broken,
    httpsPort: options.httpsPort,
    httpPort: options.httpPort,
  });

  async function moveNow(triesLeft: number): Promise<void> {
    if (closed) return;
    if (retry !== null) clearTimeout(retry);
    retry = null;
    const wanted = pageAddresses(interfaces, claim.claimed());
    const failures = await listeners.setAddresses(wanted);
    const failed = new Set(failures.map(({ address }) => address));
    const now = wanted.filter((address) => !failed.has(address));
    if (now.join() !== listening.join()) {
      log(
        'info',
        now.length === 0 ? 'The page is served nowhere now.' : `The page is served on ${now.join(', ')}.`,
      );
    }
    listening = now;
    if (failures.length === 0) return;
    if (triesLeft > 0) {
      retry = setTimeout(() => void move(triesLeft - 1), retryMs);
      return;
    }
    for (const { address, reason } of failures)
      log('warning', `The page cannot be served on ${address}: ${reason}`);
  }

  /** One move at a time: two that overlap could close what the other has just opened. */
  function move(triesLeft: number): Promise<void> {
    moving = moving
      .then(() => moveNow(triesLeft))
      .catch((error: unknown) => log('error', `The page: ${reasonOf(error)}`));
    return moving;
  }

  if (options.localSocket !== null) {
    try {
      await listeners.listenLocally(options.localSocket);
    } catch (error) {
      log('error', `The command line has no way in: ${reasonOf(error)}`);
    }
  }
  await move(retries);

  return {
    addresses: () => listening,
    fingerprint: credentials.fingerprint,
    claim,
    offerRecovery() {
      const code = claim.offerRecovery();
      if (code !== null) log('warning', 'The console shows a code that sets an owner’s password.');
      return code;
    },
    setInterfaces(next) {
      interfaces = next;
      return move(retries);
    },
    async close() {
      closed = true;
      if (retry !== null) clearTimeout(retry);
      site.close();
      await listeners.close();
    },
  };
}

async function credentialsFor(ports: WebUiPorts, addresses: readonly string[]): Promise<TlsCredentials> {
  try {
    return await loadCredentials(
      { ...ports, log: ports.writeLog },
      { hostname: ports.hostname(), addresses },
    );
  } catch (error) {
    if (error instanceof WebUiError) throw error;
    throw new WebUiError('certificate-not-made', 'The page has no certificate.', { cause: error });
  }
}
