import type { PeerAnswer } from '../../netd/netd.ts';
import type { Settings } from '../../store/settings-schema.ts';
import type { Status } from '../../webui/api/status-schema.ts';
import type { ReplaceIdentityOutcome } from '../../webui/ports.ts';
import type { IdentitySettings, OpenedIdentity } from './identity.ts';
import type { IdentityKey } from './ports.ts';

type Warning = Status['warnings'][number];

/** The overlay that speaks for an identity. */
export interface Overlay {
  tunnels(): Status['tunnels'];
  strayDatagrams(): Status['strayDatagrams'];
  peerAnswers(): readonly PeerAnswer[];
  followUplinks(): void;
  renew(hit: string): boolean;
  reconfigure(settings: Settings): Promise<void>;
  close(): Promise<void>;
}

export interface IdentityKeeperPorts {
  open(settings: IdentitySettings): Promise<OpenedIdentity>;
  replace(settings: IdentitySettings): Promise<OpenedIdentity>;
  startOverlay(key: IdentityKey, settings: Settings): Promise<Overlay>;
  warn(warning: Warning): void;
  clearWarning(code: string): void;
  log(level: 'info' | 'warning' | 'error', message: string): void;
}

const overlayWarning = 'OVERLAY_NOT_STARTED';

/** How settings and the command line name an identity that nothing is known of. */
const unknownIdentity = 'none';

/**
 * Holds the box's identity and the overlay that runs in its name, through changes of the settings and through an identity
 * that is given up. One thing at a time: an overlay is closed before the next one starts.
 */
export class IdentityKeeper {
  readonly #ports: IdentityKeeperPorts;
  #settings: Settings | undefined;
  #opened: OpenedIdentity | undefined;
  #overlay: Overlay | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(ports: IdentityKeeperPorts) {
    this.#ports = ports;
  }

  /** Puts settings in force: opens the identity the first time and wherever there is none yet. */
  apply(settings: Settings): Promise<void> {
    return this.#inTurn(async () => {
      const before = this.#settings?.identity;
      this.#settings = settings;
      const changed = JSON.stringify(before) !== JSON.stringify(settings.identity);
      const refused = this.#opened?.ok === true && this.#opened.keyStorage === 'software' && changed;
      if (this.#opened === undefined || (changed && !this.#opened.ok) || refused) {
        await this.#take(await this.#reopen(settings));
      } else {
        await this.#overlay?.reconfigure(settings);
      }
      const { replaces } = settings.identity;
      if (replaces !== undefined && this.#isNamed(replaces)) {
        this.#ports.log('warning', `The settings give the identity ${replaces} up`);
        await this.#replace(settings);
      }
    });
  }

  /** Gives up the identity with this HIT (`none`: one that nothing is known of) and makes a new one. */
  replace(hit: string): Promise<ReplaceIdentityOutcome> {
    return this.#inTurn(async () => {
      const settings = this.#settings;
      if (settings === undefined || !this.#isNamed(hit))
        return { outcome: 'other-identity', hit: this.#opened?.hit ?? null };
      this.#ports.log('warning', `The identity ${hit} is given up by command`);
      return this.#replace(settings);
    });
  }

  status(): Status['identity'] {
    const opened = this.#opened;
    if (opened === undefined) {
      const detail = 'The host identity is not open yet.';
      return { hit: null, keyStorage: 'none', detail, formerHit: null, problem: null, signing: null };
    }
    if (!opened.ok) {
      const { code, message } = opened.problem;
      return {
        ...{ hit: null, keyStorage: 'none', detail: message },
        ...{ formerHit: opened.hit, problem: code, signing: null },
      };
    }
    const { hit, keyStorage, detail } = opened;
    return { hit, keyStorage, detail, formerHit: null, problem: null, signing: opened.signing() };
  }

  tunnels(): Status['tunnels'] {
    return this.#overlay?.tunnels() ?? [];
  }

  strayDatagrams(): Status['strayDatagrams'] {
    return this.#overlay?.strayDatagrams() ?? null;
  }

  /** How the peers do that are sent something, by the addresses of ours that they are sent it from. */
  peerAnswers(): readonly PeerAnswer[] {
    return this.#overlay?.peerAnswers() ?? [];
  }

  /** Closes the association with a peer for another one. False where no peer has this HIT. */
  renew(hit: string): boolean {
    return this.#overlay?.renew(hit) ?? false;
  }

  /** The uplinks' addresses or their order have changed: tunnels move now instead of a little later. */
  followUplinks(): void {
    this.#overlay?.followUplinks();
  }

  close(): Promise<void> {
    return this.#inTurn(() => this.#shut());
  }

  async #reopen(settings: Settings): Promise<OpenedIdentity> {
    await this.#shut();
    return this.#ports.open(settings.identity);
  }

  async #replace(settings: Settings): Promise<ReplaceIdentityOutcome> {
    await this.#shut();
    const replaced = await this.#ports.replace(settings.identity);
    await this.#take(replaced);
    if (!replaced.ok) return { outcome: 'failed', problem: replaced.problem };
    return { outcome: 'replaced', identity: this.status() };
  }

  async #take(opened: OpenedIdentity): Promise<void> {
    if (this.#opened?.ok === false) this.#ports.clearWarning(this.#opened.problem.code);
    this.#opened = opened;
    if (!opened.ok) {
      this.#ports.warn(opened.problem);
      this.#ports.log('error', opened.problem.message);
      return;
    }
    const figures = opened.signing();
    const took = figures === null ? '' : `; the first signature took ${figures.lastMilliseconds} ms`;
    this.#ports.log('info', `Identity ${opened.hit}, its key is in ${whereIs(opened.keyStorage)}${took}`);
    if (this.#settings !== undefined) await this.#startOverlay(opened.key, this.#settings);
  }

  async #startOverlay(key: IdentityKey, settings: Settings): Promise<void> {
    try {
      this.#overlay = await this.#ports.startOverlay(key, settings);
      this.#ports.clearWarning(overlayWarning);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#ports.log('error', `The overlay does not start: ${reason}`);
      this.#ports.warn({
        code: overlayWarning,
        message: `The overlay does not start, so there are no tunnels: ${reason}`,
        advice: 'Restart the box; if it stays so, write the image again and look at the log.',
      });
    }
  }

  async #shut(): Promise<void> {
    const overlay = this.#overlay;
    this.#overlay = undefined;
    await overlay?.close();
    if (this.#opened?.ok === true) await this.#opened.close();
  }

  #isNamed(hit: string): boolean {
    if (this.#opened === undefined) return false;
    return hit.toLowerCase() === (this.#opened.hit ?? unknownIdentity);
  }

  #inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }
}

function whereIs(keyStorage: 'tpm' | 'software'): string {
  return keyStorage === 'tpm' ? 'the TPM' : 'a file, not in a TPM';
}
