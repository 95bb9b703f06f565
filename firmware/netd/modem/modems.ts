import type { NetworkSettings } from '../../store/network-schema.ts';
import type { Lease } from '../lease.ts';
import type { Port } from '../ports.ts';
import type { NetworkSystem } from '../system-port.ts';
import { Modem, type ModemSettings } from './modem.ts';
import type { ModemFacts } from './modem-machine.ts';
import { SimPins } from './sim-pins.ts';

/** The modems behind uplinks, by the kernel's name of the network interface that their data goes through. */
export class Modems {
  readonly #system: NetworkSystem;
  readonly #onChange: () => void;
  readonly #pins: SimPins;
  readonly #modems = new Map<string, Modem>();

  /** @param onChange called when one is connected or not connected any more */
  constructor(system: NetworkSystem, onChange: () => void) {
    this.#system = system;
    this.#pins = new SimPins(system.simPins);
    this.#onChange = onChange;
  }

  /** Has exactly the modems of these settings run. */
  async follow(ports: readonly Port[], underlay: NetworkSettings['underlay']): Promise<void> {
    const wanted = new Map(
      ports.flatMap(({ name, role, nic }): [string, ModemSettings][] => {
        const modem = Object.hasOwn(underlay.uplinks ?? {}, name)
          ? underlay.uplinks?.[name]?.modem
          : undefined;
        return modem === undefined || role !== 'underlay' ? [] : [[nic.kernelName, modem]];
      }),
    );
    for (const [link, modem] of this.#modems) {
      const settings = wanted.get(link);
      if (settings !== undefined && isSame(settings, modem.settings)) continue;
      this.#modems.delete(link);
      await modem.close();
    }
    for (const [link, settings] of wanted) {
      if (!this.#modems.has(link))
        this.#modems.set(link, new Modem(this.#system, this.#pins, settings, this.#onChange));
    }
  }

  /** Null where no modem is behind the link. */
  facts(link: string): ModemFacts | null {
    return this.#modems.get(link)?.facts ?? null;
  }

  /** Addresses that modems tell. */
  leases(): ReadonlyMap<string, Lease> {
    return new Map(
      [...this.#modems].flatMap(([link, { facts }]): [string, Lease][] =>
        facts.lease === null ? [] : [[link, facts.lease]],
      ),
    );
  }

  async close(): Promise<void> {
    await Promise.all([...this.#modems.values()].map((modem) => modem.close()));
    this.#modems.clear();
  }
}

const isSame = (one: ModemSettings, other: ModemSettings): boolean =>
  one.device === other.device && one.apn === other.apn && one.pin === other.pin;
