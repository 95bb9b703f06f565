import type { Settings, SettingsLayer } from '../store/settings-schema.ts';
import type { Revision, SettingsStore } from '../store/settings-store.ts';
import type { StoreResult } from '../store/store-error.ts';
import { limits } from './limits.ts';
import { lookAround, missingSince, type ReachabilityPorts, type Reached } from './reachability.ts';
import type { SettingsKeeper } from './settings-keeper.ts';

type Warning = { readonly code: string; readonly message: string; readonly advice: string };

export interface TrialPorts {
  readonly store: Pick<SettingsStore, 'saveTrial' | 'confirm' | 'revert' | 'endTrials' | 'current'>;
  readonly keeper: Pick<SettingsKeeper, 'inForce' | 'tryLayer'>;
  readonly reachability: ReachabilityPorts;
  /** Puts what the keeper says in force; resolves with what went wrong, or null. */
  apply(settings: Settings): Promise<string | null>;
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
  /** Seconds by a clock that never jumps. */
  seconds(): number;
  warn(warning: Warning): void;
  clearWarning(code: string): void;
  log(level: 'info' | 'warning' | 'error', message: string): void;
  /** What the box decides with nobody asking for it, for the audit: `act` and what it was done to. */
  byItself(act: string, what: string): void;
}

type Running = {
  readonly revision: Revision;
  readonly endsAt: number;
  readonly seconds: number;
  readonly automatic: boolean;
  readonly before: Reached;
  readonly stop: AbortController;
  missing: readonly string[] | null;
};

export type TrialStatus = {
  readonly revision: number;
  readonly author: string;
  readonly seconds: number;
  readonly secondsLeft: number;
  readonly automatic: boolean;
  readonly missing: readonly string[] | null;
};

export type TrialOutcome<Value> =
  | { readonly ok: true; readonly value: Value }
  | {
      readonly ok: false;
      readonly why: 'no-trial' | 'not-proven' | 'not-kept' | 'not-applied';
      readonly detail: string;
    };

const trialWarning = 'SETTINGS_ON_TRIAL';

/**
 * A change of settings that takes itself back unless it is confirmed. The store has it in force only once it is, so a
 * box that loses power meanwhile starts with what was confirmed last. The caller sees to it that one thing is asked at
 * a time.
 */
export class SettingsTrial {
  readonly #ports: TrialPorts;
  readonly #inTurn: <Value>(work: () => Promise<Value>) => Promise<Value>;
  #running: Running | null = null;

  /** @param inTurn runs what the countdown wants done between the caller's own calls */
  constructor(ports: TrialPorts, inTurn: <Value>(work: () => Promise<Value>) => Promise<Value>) {
    this.#ports = ports;
    this.#inTurn = inTurn;
  }

  /** Tells of a trial that this box did not live through. To be called once, before anything is tried. */
  tellInterrupted(): void {
    const { store, warn, log } = this.#ports;
    const ended = store.endTrials();
    if (!ended.ok || ended.value.length === 0) return;
    const message = `Revision ${ended.value.join(', ')} of the settings was on trial when the box stopped; what was confirmed before is in force.`;
    log('warning', message);
    warn({
      code: 'SETTINGS_TRIAL_INTERRUPTED',
      message,
      advice: 'Apply the change again if it is still wanted.',
    });
  }

  status(): TrialStatus | null {
    if (this.#running === null) return null;
    const { revision, endsAt, seconds, automatic, missing } = this.#running;
    const secondsLeft = Math.max(0, Math.round(endsAt - this.#ports.seconds()));
    return { revision: revision.id, author: revision.author, seconds, secondsLeft, automatic, missing };
  }

  /** Puts a layer in force on trial; there must be none under way. What cannot be applied is taken back at once. */
  async begin(
    layer: SettingsLayer,
    {
      author,
      seconds,
      automatic,
    }: { readonly author: string; readonly seconds: number; readonly automatic: boolean },
  ): Promise<TrialOutcome<Revision>> {
    const { store, keeper, reachability, log } = this.#ports;
    const before = await lookAround(reachability);
    const saved = store.saveTrial(layer, author);
    if (!saved.ok) return notKept(saved);
    const revision = saved.value;
    keeper.tryLayer(layer);
    // The countdown runs from before the change, whatever time that takes.
    const stop = new AbortController();
    const running: Running = {
      ...{ revision, seconds, automatic, before, stop, missing: null },
      endsAt: this.#ports.seconds() + seconds,
    };
    this.#running = running;
    void this.#countDown(running);
    const failure = await this.#apply();
    if (failure !== null) {
      await this.#takeBack(running, `it could not be applied: ${failure}`);
      return { ok: false, why: 'not-applied', detail: failure };
    }
    log('info', `Revision ${revision.id} by ${author} is on trial for ${seconds} s`);
    this.#ports.warn({
      code: trialWarning,
      message: `Revision ${revision.id} of the settings is on trial: it is taken back ${seconds} s after ${revision.time} unless it is confirmed.`,
      advice: automatic
        ? 'It confirms itself once peers and page are reachable as before.'
        : 'Confirm it with "hithe config confirm", or take it back with "hithe config revert".',
    });
    return { ok: true, value: revision };
  }

  /** Puts in force what the keeper has. A room that throws has not done it either: what was in force before comes back. */
  async #apply(): Promise<string | null> {
    try {
      return await this.#ports.apply(this.#ports.keeper.inForce());
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** Keeps what is on trial where everybody who could be reached before still can, or anyway. */
  async confirm(anyway: boolean): Promise<TrialOutcome<Revision>> {
    const running = this.#running;
    if (running === null) return { ok: false, why: 'no-trial', detail: 'Nothing is on trial.' };
    if (!anyway) {
      const missing = await this.#look(running);
      if (missing.length > 0) return { ok: false, why: 'not-proven', detail: missing.join('; ') };
    }
    return this.#keep(running);
  }

  /** Takes back what is on trial. */
  async rollBack(reason: string): Promise<TrialOutcome<Revision>> {
    const running = this.#running;
    if (running === null) return { ok: false, why: 'no-trial', detail: 'Nothing is on trial.' };
    const failure = await this.#takeBack(running, reason);
    if (failure !== null) return { ok: false, why: 'not-applied', detail: failure };
    return { ok: true, value: { ...running.revision, outcome: 'reverted', reason } };
  }

  /** Ends the trial since other settings come in its place, which the caller applies. */
  supersede(reason: string): void {
    if (this.#running !== null) this.#end(this.#running, reason);
  }

  close(): void {
    this.#running?.stop.abort();
  }

  async #countDown(running: Running): Promise<void> {
    const { signal } = running.stop;
    const { seconds, wait } = this.#ports;
    while (!signal.aborted && seconds() < running.endsAt) {
      const left = Math.max(1, Math.ceil((running.endsAt - seconds()) * 1000));
      await wait(Math.min(left, limits.proofIntervalMs), signal);
      // What is missing is looked for in any case: who is to decide sees it.
      if (!signal.aborted) await this.#inTurn(() => this.#lookAgain(running));
    }
    await this.#inTurn(async () => {
      if (signal.aborted) return;
      const why = running.automatic ? (running.missing ?? []).join('; ') : 'nobody confirmed it in time';
      this.#ports.byItself('config revert', `revision ${running.revision.id}: ${why}`);
      await this.#takeBack(running, why);
    });
  }

  async #lookAgain(running: Running): Promise<void> {
    if (running.stop.signal.aborted) return;
    const missing = await this.#look(running);
    if (!running.automatic || missing.length > 0) return;
    const kept = await this.#keep(running);
    if (kept.ok) this.#ports.byItself('config confirm', `revision ${running.revision.id}`);
  }

  async #look(running: Running): Promise<readonly string[]> {
    const { keeper, reachability } = this.#ports;
    running.missing = await missingSince(running.before, keeper.inForce(), reachability);
    return running.missing;
  }

  async #keep(running: Running): Promise<TrialOutcome<Revision>> {
    const confirmed = this.#ports.store.confirm(running.revision.id);
    if (!confirmed.ok) return notKept(confirmed);
    this.#forget(running);
    this.#ports.log('info', `Revision ${running.revision.id} is confirmed`);
    // What cannot be undone waited for this.
    const failure = await this.#apply();
    if (failure !== null) this.#ports.log('error', `After the confirmation: ${failure}`);
    return { ok: true, value: confirmed.value };
  }

  async #takeBack(running: Running, reason: string): Promise<string | null> {
    this.#end(running, reason);
    const failure = await this.#apply();
    if (failure !== null)
      this.#ports.log('error', `What was in force before could not be applied: ${failure}`);
    return failure;
  }

  #end(running: Running, reason: string): void {
    this.#forget(running);
    const noted = this.#ports.store.revert(running.revision.id, reason);
    if (!noted.ok) this.#ports.log('error', noted.error.message);
    this.#ports.log('warning', `Revision ${running.revision.id} is taken back: ${reason}`);
    this.#ports.warn({
      code: 'SETTINGS_TAKEN_BACK',
      message: `Revision ${running.revision.id} of the settings was taken back: ${reason}.`,
      advice: 'What was confirmed before is in force. "hithe config history" shows what was tried.',
    });
  }

  #forget(running: Running): void {
    running.stop.abort();
    this.#running = null;
    this.#ports.keeper.tryLayer(null);
    this.#ports.clearWarning(trialWarning);
    this.#ports.clearWarning('SETTINGS_TAKEN_BACK');
  }
}

function notKept<Value>(result: StoreResult<Value> & { readonly ok: false }): TrialOutcome<never> {
  return { ok: false, why: 'not-kept', detail: result.error.message };
}
