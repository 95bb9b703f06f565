import { limits } from '../limits.ts';
import { programs } from '../system-port.ts';
import { parseDhcpClients } from './dhcp-clients.ts';
import type { DeviceReport, PolicyPorts } from './enforcement.ts';
import { parseNeighbours } from './neighbours.ts';
import { formatSeen, noteSeen, parseSeen, type SeenDevices } from './seen-devices.ts';

/** A row of the list of devices, with what is remembered of the host. */
export type ListedDevice = DeviceReport & {
  readonly hostName: string | null;
  /** ISO 8601 in UTC; null where it is not known. */
  readonly firstSeen: string | null;
  readonly lastSeen: string | null;
};

/**
 * Remembers who was on the hosts' networks, by what the kernel heard (ARP, neighbour discovery) and what hosts said to
 * the DHCP server. Nobody is asked anything. What is remembered outlives a restart where there is a file for it.
 */
export class DeviceDiscovery {
  readonly #ports: PolicyPorts;
  readonly #file: string | null;
  #seen: SeenDevices;
  #written: string;
  #lan: readonly string[] = [];
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
    const neighbours = parseNeighbours(stdout).filter(({ link }) => this.#lan.includes(link));
    const clients = parseDhcpClients(readText(`${runFolder}/dhcp/clients`) ?? '');
    this.#seen = noteSeen(this.#seen, neighbours, clients, now());
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
