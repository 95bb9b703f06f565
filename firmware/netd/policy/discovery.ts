import { formatAddress, placeOf } from '../../policy/address-line.ts';
import { limits } from '../limits.ts';
import { programs } from '../system-port.ts';
import { parseDhcpClients } from './dhcp-clients.ts';
import type { DeviceReport, PolicyPorts } from './enforcement.ts';
import { nameInAnswer } from './multicast-names.ts';
import { parseNeighbours } from './neighbours.ts';
import { formatSeen, noteSeen, parseSeen, type SeenDevices } from './seen-devices.ts';

/** Overhears a link. */
export type NameListener = {
  /** False once the link is gone, also where there is another of its name. */
  readonly isBound: () => boolean;
  readonly close: () => void;
};

/** A row of the list of devices, with what is remembered of the host. */
export type ListedDevice = DeviceReport & {
  readonly hostName: string | null;
  /** ISO 8601 in UTC; null where it is not known. */
  readonly firstSeen: string | null;
  readonly lastSeen: string | null;
};

/**
 * Remembers who was on the hosts' networks, by what the kernel heard (ARP, neighbour discovery) and what hosts said to
 * the DHCP server and to each other (multicast DNS). Nobody is asked anything. What is remembered outlives a restart where there is a file for it.
 */
export class DeviceDiscovery {
  readonly #ports: PolicyPorts;
  readonly #file: string | null;
  #seen: SeenDevices;
  #written: string;
  #lan: readonly string[] = [];
  /** By link; null while one is being opened. */
  readonly #listeners = new Map<string, NameListener | null>();
  /** By address, the one that was heard last at the end. */
  readonly #names = new Map<string, string>();
  #timer: { readonly close: () => void } | null = null;
  #turns = 0;
  #closed = false;
  #work: Promise<void> = Promise.resolve();

  constructor(ports: PolicyPorts, file: string | null) {
    this.#ports = ports;
    this.#file = file;
    this.#seen = parseSeen(file === null ? null : ports.readText(file));
    this.#written = formatSeen(this.#seen);
  }

  /** Watches these links from now on. */
  follow(lan: readonly string[]): void {
    this.#lan = lan;
    for (const [link, listener] of this.#listeners)
      if (!lan.includes(link)) {
        listener?.close();
        this.#listeners.delete(link);
      }
    if (this.#timer === null) this.#wait();
  }

  /** Adds to a list of devices what is remembered of them, and those that are remembered alone. */
  async describe(rows: readonly DeviceReport[]): Promise<readonly ListedDevice[]> {
    await this.#look();
    const time = (milliseconds: number | null | undefined) =>
      milliseconds == null ? null : new Date(milliseconds).toISOString();
    const listed = rows.map((row): ListedDevice => {
      const known = row.mac === null ? undefined : this.#seen.get(row.mac);
      return {
        ...row,
        hostName: known?.hostName ?? null,
        firstSeen: time(known?.firstSeen),
        lastSeen: time(known?.lastSeen),
      };
    });
    const shown = new Set(rows.map(({ mac }) => mac));
    const gone = [...this.#seen.values()].filter(({ mac }) => !shown.has(mac));
    return [
      ...listed,
      ...gone.map(({ mac, addresses, hostName, firstSeen, lastSeen }): ListedDevice => {
        const times = { firstSeen: time(firstSeen), lastSeen: time(lastSeen) };
        return {
          device: null,
          address: addresses[0] ?? null,
          mac,
          link: null,
          state: 'not seen',
          hostName,
          ...times,
        };
      }),
    ];
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.close();
    await this.#work;
    for (const listener of this.#listeners.values()) listener?.close();
    this.#write();
  }

  #wait(): void {
    if (this.#closed) return;
    this.#timer = this.#ports.setTimer(limits.seenLookMs, () => {
      this.#work = this.#look().then(() => {
        this.#turns++;
        if (this.#turns % limits.seenWriteLooks === 0) this.#write();
        this.#wait();
      });
    });
  }

  async #look(): Promise<void> {
    const { run, readText, runFolder, now } = this.#ports;
    const { status, stdout } = await run(programs.ip, ['-j', 'neigh', 'show']);
    if (status !== 0) return;
    await this.#listen();
    const neighbours = parseNeighbours(stdout).filter(({ link }) => this.#lan.includes(link));
    const clients = parseDhcpClients(readText(`${runFolder}/dhcp/clients`) ?? '');
    this.#seen = noteSeen(this.#seen, neighbours, { clients, names: this.#names }, now());
  }

  /** A bridge comes and goes with its network: one that is not there is tried again at the next look. */
  async #listen(): Promise<void> {
    const { listenForNames, log } = this.#ports;
    for (const link of listenForNames === undefined ? [] : this.#lan) {
      const before = this.#listeners.get(link);
      if (before === null || before?.isBound()) continue;
      before?.close();
      this.#listeners.set(link, null);
      try {
        const listener = await listenForNames?.(link, (message, source) => this.#hear(message, source));
        const isWanted = listener !== undefined && this.#lan.includes(link) && !this.#closed;
        if (isWanted) this.#listeners.set(link, listener);
        else listener?.close();
      } catch (error) {
        this.#listeners.delete(link);
        log(
          'debug',
          `${link}: names are not heard: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    }
  }

  #hear(message: Uint8Array, source: Uint8Array): void {
    const place = placeOf(source);
    const name = nameInAnswer(message, place);
    if (name === null) return;
    const address = formatAddress(place);
    this.#names.delete(address);
    this.#names.set(address, name);
    const [oldest] = this.#names.keys();
    if (this.#names.size > limits.seenDevices && oldest !== undefined) this.#names.delete(oldest);
  }

  /** Seldom: flash wears. What a power cut takes is when hosts were seen last. */
  #write(): void {
    const text = formatSeen(this.#seen);
    if (this.#file === null || text === this.#written) return;
    const failure = this.#ports.replaceText(this.#file, text);
    if (failure === null) this.#written = text;
    else this.#ports.log('warning', `who was seen could not be written: ${failure}`);
  }
}
