import { join } from 'node:path';
import type { SettingsLayer } from '../firmware/store/settings-schema.ts';
import { Machine, type MachineOptions } from './machine.ts';
import { type NetworkEnd, userNetwork } from './network.ts';
import { type PageAnswer, PageClient } from './page-client.ts';
import { settingsDisc } from './settings-disc.ts';

/** What the harness needs to know of an image: `buildImage()` gives it. */
export type BootImage = { readonly imagePath: string; readonly kernelPath: string };

export type GatewayOptions = Pick<MachineOptions, 'name'> &
  Partial<
    Pick<
      MachineOptions,
      'memoryMiB' | 'cpus' | 'tpm' | 'manufactureTpm' | 'smbios' | 'diskBus' | 'looksPhysical' | 'screen'
    >
  > & {
    readonly image: BootImage;
    readonly cardModel?: MachineOptions['networkCards'][number]['model'];
    /** Tells the machines of one test apart: the last octet of their MACs' middle. */
    readonly number?: number;
    /** What port1, the underlay, is plugged into; a network with nobody but a DHCP server by default. */
    readonly underlay?: NetworkEnd;
    readonly underlayCapture?: string;
    /** What port2 is plugged into; without it the gateway has two ports. */
    readonly lan?: NetworkEnd;
  };

/** A MAC of QEMU's own range, by machine and port (from 1). */
export function cardMac(machine: number, port: number): string {
  const octet = (value: number) => value.toString(16).padStart(2, '0');
  return `52:54:00:48:${octet(machine)}:${octet(port)}`;
}

/** A disk as small boxes have them: larger than the image, so that state grows. */
export const gatewayDiskMiB = 2048;

/**
 * A gateway that boots the image. Its last port is plugged into a network of this host's alone, through which the page
 * is reached on a port of 127.0.0.1. That network is 192.168.1.0/24 since an unclaimed box is 192.168.1.1 on its LAN
 * ports; settings that make the port a management port give it that same address, so that one way leads in throughout.
 */
export class Gateway implements AsyncDisposable {
  readonly machine: Machine;
  readonly page: PageClient;

  private constructor(machine: Machine, page: PageClient) {
    this.machine = machine;
    this.page = page;
  }

  static async start(options: GatewayOptions): Promise<Gateway> {
    const { image, number = 1, cardModel: model = 'virtio-net-pci', lan } = options;
    const underlay = options.underlay ?? (await userNetwork({ prefix: '10.98.0.0/24', host: '10.98.0.1' }));
    const management = await userNetwork({
      prefix: '192.168.1.0/24',
      host: '192.168.1.254',
      forward: { address: '192.168.1.1', port: 443 },
    });
    const ends = lan ? [underlay, lan, management] : [underlay, management];
    const networkCards = ends.map((network, index) => ({
      ...{ model, mac: cardMac(number, index + 1), network },
      ...(index === 0 && options.underlayCapture !== undefined ? { capture: options.underlayCapture } : {}),
    }));
    const machine = await Machine.start({
      ...{ boot: 'uefi', memoryMiB: 512, cpus: 2, tpm: true, watchdog: true, diskMiB: gatewayDiskMiB },
      ...options,
      image: image.imagePath,
      probeKernel: image.kernelPath,
      networkCards,
    });
    return new Gateway(machine, new PageClient(management.forwardedPort));
  }

  /** Waits for the page; the seconds are those since the power was switched on. */
  async waitForPage(timeoutMs?: number): Promise<{ readonly answer: PageAnswer; readonly seconds: number }> {
    const answer = await this.page.waitForPage(timeoutMs);
    return { answer, seconds: (performance.now() - this.machine.poweredOnAt) / 1000 };
  }

  /** Plugs a stick with settings in, as a person sets up a box that has no screen. */
  async plugSettings(layer: SettingsLayer): Promise<void> {
    const folder = settingsDisc(join(this.machine.scratchPath, 'settings'), this.machine.name, layer);
    await this.machine.plugUsbStick(folder, 'CIDATA');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.machine[Symbol.asyncDispose]();
  }
}
