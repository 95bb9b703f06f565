import {
  buttonDown,
  firstPresence,
  lightsReport,
  type PanelFacts,
  type PanelLayout,
  type Presence,
  panelLights,
  presence,
} from '../console/front-panel.ts';
import type { ShownPresence } from '../webui/ports.ts';

/** A panel that is open. */
export interface Panel {
  /** The report's number comes first. Rejects once the panel is gone. */
  write(report: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

export interface PanelSystem {
  /** Null where no such device is there. */
  openPanel(
    device: { readonly vendorId: number; readonly productId: number },
    on: { readonly report: (report: Uint8Array) => void; readonly gone: () => void },
  ): Promise<Panel | null>;
}

export type PanelProfile = PanelLayout & { readonly vendorId: number; readonly productId: number };

export interface FrontPanelPorts {
  readonly system: PanelSystem;
  /** What the board has; null: nothing. */
  readonly profile: PanelProfile | null;
  facts(): Omit<PanelFacts, 'pressWanted'>;
  uptimeSeconds(): number;
  log(level: 'info' | 'warning', message: string): void;
}

/**
 * The box's front panel: its lights, and its button as the proof that somebody stands there. Where there is a panel, an
 * act that asks for presence is refused until the button was pressed; where there is none, nobody is asked.
 */
export class FrontPanelKeeper implements ShownPresence {
  readonly #ports: FrontPanelPorts;
  #panel: Panel | null = null;
  #opening = false;
  #shown = '';
  #presence: Presence = firstPresence;
  #problem = '';

  constructor(ports: FrontPanelPorts) {
    this.#ports = ports;
  }

  /** Shows what has changed, and looks for a panel that is not there yet. To be called every few seconds. */
  async update(): Promise<void> {
    const { profile, uptimeSeconds } = this.#ports;
    if (profile === null || this.#opening) return;
    this.#presence = presence(this.#presence, { kind: 'time' }, uptimeSeconds());
    this.#opening = true;
    try {
      this.#panel ??= await this.#open(profile);
      await this.#light(profile);
      this.#problem = '';
    } catch (error) {
      this.#tell(error instanceof Error ? error.message : String(error));
      await this.#lose();
    } finally {
      this.#opening = false;
    }
  }

  shown(): boolean {
    if (this.#panel === null) return true;
    this.#presence = presence(this.#presence, { kind: 'ask' }, this.#ports.uptimeSeconds());
    void this.update();
    return this.#presence.phase === 'shown';
  }

  used(): void {
    this.#presence = presence(this.#presence, { kind: 'use' }, this.#ports.uptimeSeconds());
    void this.update();
  }

  async close(): Promise<void> {
    await this.#lose();
  }

  async #open(profile: PanelProfile): Promise<Panel | null> {
    const panel = await this.#ports.system.openPanel(profile, {
      report: (report) => this.#pressed(profile, report),
      gone: () => void this.#lose(),
    });
    if (panel !== null) this.#ports.log('info', 'The front panel is there');
    this.#shown = '';
    return panel;
  }

  #pressed(profile: PanelProfile, report: Uint8Array): void {
    const down = buttonDown(profile, report);
    if (down === null) return;
    this.#presence = presence(this.#presence, { kind: 'button', down }, this.#ports.uptimeSeconds());
    void this.update();
  }

  async #light(profile: PanelProfile): Promise<void> {
    const lights = panelLights({ ...this.#ports.facts(), pressWanted: this.#presence.phase === 'asked' });
    const shown = lights.join();
    if (this.#panel === null || shown === this.#shown) return;
    await this.#panel.write(lightsReport(profile, lights));
    this.#shown = shown;
  }

  /** A panel that was pulled out shows nobody's presence. */
  async #lose(): Promise<void> {
    const panel = this.#panel;
    this.#panel = null;
    this.#presence = firstPresence;
    await panel?.close().catch(() => undefined);
  }

  #tell(problem: string): void {
    if (problem !== this.#problem) this.#ports.log('warning', `The front panel: ${problem}`);
    this.#problem = problem;
  }
}
