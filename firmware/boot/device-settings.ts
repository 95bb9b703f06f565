import type { Device } from '../policy/policy.ts';
import type { ConfigurationResult, SettingsApplied } from '../webui/api/config-route.ts';
import type { AcceptedDevice, DeviceChanges } from '../webui/api/devices-route.ts';
import { changePolicy, type PolicyConfiguration, refuse } from './policy-change.ts';

export type DeviceSettingsPorts = {
  readonly configuration: PolicyConfiguration;
  /** The devices that the settings in force name. */
  readonly devices: () => readonly Device[];
};

/** Gives devices names and labels in the settings, and takes them out again. */
export class DeviceSettings implements DeviceChanges {
  readonly #ports: DeviceSettingsPorts;

  constructor(ports: DeviceSettingsPorts) {
    this.#ports = ports;
  }

  async accept(
    accepted: readonly AcceptedDevice[],
    author: string,
  ): Promise<ConfigurationResult<SettingsApplied>> {
    const devices = new Map(this.#ports.devices().map((device) => [device.name, device]));
    for (const { name, mac, addresses, labels } of accepted) {
      const before = devices.get(name);
      if (before === undefined && mac === undefined && addresses === undefined)
        return refuse(
          'settings-invalid',
          `There is no device ${name} yet: it needs a MAC or an address to be known by.`,
        );
      devices.set(name, {
        ...before,
        name,
        // As the settings write it, however a person does.
        ...(mac === undefined ? {} : { mac: mac.toLowerCase() }),
        ...(addresses === undefined ? {} : { addresses }),
        ...(labels === undefined ? {} : { labels }),
      });
    }
    return this.#change([...devices.values()], author);
  }

  async label(
    name: string,
    labels: readonly string[],
    author: string,
  ): Promise<ConfigurationResult<SettingsApplied>> {
    const devices = this.#ports.devices();
    if (!devices.some((device) => device.name === name)) return unknownDevice(name);
    return this.#change(
      devices.map((device) => (device.name === name ? { ...device, labels } : device)),
      author,
    );
  }

  async forget(names: readonly string[], author: string): Promise<ConfigurationResult<SettingsApplied>> {
    const devices = this.#ports.devices();
    const unknown = names.find((name) => !devices.some((device) => device.name === name));
    if (unknown !== undefined) return unknownDevice(unknown);
    return this.#change(
      devices.filter(({ name }) => !names.includes(name)),
      author,
    );
  }

  #change(devices: readonly Device[], author: string): Promise<ConfigurationResult<SettingsApplied>> {
    return changePolicy(this.#ports.configuration, 'devices', devices, author);
  }
}

function unknownDevice(name: string): ConfigurationResult<never> {
  return refuse('settings-not-there', `There is no device ${name}.`);
}
