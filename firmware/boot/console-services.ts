import { measuredBootLine } from '../console/measured-boot-line.ts';
import type { Settings } from '../store/settings-schema.ts';
import type { BoardProfile } from './board-profile.ts';
import type { Configuration } from './configuration.ts';
import { ConsoleKeeper } from './console-keeper.ts';
import { FactoryReset } from './factory-reset.ts';
import { FrontPanelKeeper } from './front-panel-keeper.ts';
import type { IdentityKeeper } from './identity/keeper.ts';
import type { BootPorts, Page } from './ports.ts';
import type { StatusBoard } from './status-board.ts';

type Parts = {
  readonly ports: BootPorts;
  readonly board: StatusBoard;
  readonly profile: BoardProfile;
  readonly configuration: Configuration;
  readonly identity: IdentityKeeper;
  readonly page: () => Page | null;
  /** Those in force. */
  readonly settings: () => Settings;
};

/** What somebody has who stands before the box: its consoles, its front panel, and the way back to how it left the factory. */
export class ConsoleServices {
  readonly factoryReset: FactoryReset;
  readonly panel: FrontPanelKeeper;
  readonly #ports: BootPorts;
  readonly #keeper: ConsoleKeeper;
  #measuredBoot: string | null = null;
  #looksForPanel = false;

  constructor({ ports, board, profile, configuration, identity, page, settings }: Parts) {
    this.#ports = ports;
    this.factoryReset = new FactoryReset({
      ...{ files: ports.resetFiles, restart: ports.machine.restart, setTimer: ports.network.setTimer },
      log: (level, message) => ports.log(level, 'reset', message),
    });
    this.panel = new FrontPanelKeeper({
      ...{ system: ports.panels, profile: profile.frontPanel, uptimeSeconds: ports.uptimeSeconds },
      facts() {
        const { network, alarms, warnings, tunnels } = board.read();
        const up = tunnels.filter(({ establishedAt }) => establishedAt !== null);
        return {
          ...{ networkWorks: network.state === 'applied', tunnelsUp: up.length },
          troubles: alarms.length + warnings.length,
        };
      },
      log: (level, message) => ports.log(level, 'panel', message),
    });
    this.#keeper = new ConsoleKeeper({
      ...{ ...ports.machine, configuration, factoryReset: this.factoryReset, system: ports.terminals },
      ...{ consoles: profile.consoles, uptimeSeconds: ports.uptimeSeconds, audit: ports.audit },
      replaceIdentity: (hit) => identity.replace(hit),
      recoveryCode: () => page()?.offerRecovery() ?? null,
      facts: () => ({
        status: board.read(),
        addresses: page()?.addresses() ?? [],
        fingerprint: page()?.fingerprint ?? null,
        claimCode: page()?.claimCode() ?? null,
        measuredBoot: this.#measuredBoot,
        shellAllowed: settings().diagnostics.shell,
      }),
      log: (level, message) => ports.log(level, 'console', message),
    });
  }

  open(): void {
    this.#keeper.open();
  }

  update(): void {
    this.#keeper.update();
    if (this.#looksForPanel) void this.panel.update();
  }

  /** Asks the TPM, which takes its time. */
  async lookAtBoot(): Promise<void> {
    // node-hid is native code that the page and tunnels shall not wait for.
    this.#looksForPanel = true;
    this.#measuredBoot = measuredBootLine(await this.#ports.measuredBoot());
    this.update();
  }

  async close(): Promise<void> {
    await this.panel.close();
    await this.#keeper.close();
  }
}
