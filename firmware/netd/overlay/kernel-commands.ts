import { type CommandRunner, programs } from '../system-port.ts';
import { wrongSourceSet } from './anti-spoofing.ts';
import { OverlayError } from './error.ts';
import { IpBatches, withoutKeys } from './ip-batches.ts';
import { limits } from './limits.ts';
import { narrowWayRule } from './narrow-way.ts';
import { parseToldMtus, toldMtuSet } from './path-mtu.ts';

/** The image's ip and nft with the overlay's rules for them. Failures are `OverlayError`s without keys. */
export class KernelCommands {
  readonly #run: CommandRunner;
  readonly #batches: IpBatches;

  constructor(run: CommandRunner) {
    this.#run = run;
    this.#batches = new IpBatches(run);
  }

  /** Lines for `ip -batch -`, see `IpBatches.all`. */
  ip(lines: string): Promise<void> {
    return this.#batches.all(lines);
  }

  /** Lines each of which may find nothing to do, see `IpBatches.each`. */
  ipTolerant(lines: string): Promise<void> {
    return this.#batches.each(lines);
  }

  /** Rules of both IP versions' routing, which name no address: the old ones go, and with `add` come anew. */
  async narrowWays(verb: 'add' | 'remove'): Promise<void> {
    for (const version of [4, 6] as const) {
      const batches = new IpBatches(this.#run, version);
      await batches.each(narrowWayRule.remove);
      if (verb === 'add') await batches.all(narrowWayRule.add);
    }
  }

  async nft(input: string): Promise<void> {
    const { status, stderr } = await this.#run(programs.nft, ['-f', '-'], { input });
    if (status !== 0) throw new OverlayError('command-failed', `nft: ${stderr.trim()}`);
  }

  /** Security associations in the form that `parseEspListing` reads: all, or one. */
  async listEsp(one?: { source: string; destination: string; spi: number }): Promise<string> {
    const id =
      one === undefined
        ? []
        : ['src', one.source, 'dst', one.destination, 'proto', 'esp', 'spi', `0x${one.spi.toString(16)}`];
    const args = ['-s', '-o', 'xfrm', 'state', 'list', ...id, 'nokeys'];
    const { status, stdout, stderr } = await this.#run(programs.ip, args, { maxOutput: limits.listingText });
    if (status !== 0) throw new OverlayError('command-failed', `ip: ${withoutKeys(stderr)}`);
    return stdout;
  }

  /** Packets by mark in the set that counts wrong sources. */
  async wrongSources(): Promise<ReadonlyMap<number, number>> {
    const result = await this.#run(programs.nft, ['list', 'set', ...wrongSourceSet.split(' ')]);
    return result.status === 0 ? parseWrongSources(result.stdout) : new Map();
  }

  /** The path MTUs that the kernel has learned, by address, and the smaller ones that it was told. */
  async pathMtus(addresses: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const [learned, told] = await Promise.all([this.#learnedMtus(addresses), this.#toldMtus()]);
    return new Map(
      addresses.flatMap((address) => {
        const known = [learned.get(address), told.get(address)].filter((mtu) => mtu !== undefined);
        return known.length === 0 ? [] : [[address, Math.min(...known)]];
      }),
    );
  }

  async #toldMtus(): Promise<ReadonlyMap<string, number>> {
    const result = await this.#run(programs.nft, ['list', 'set', ...toldMtuSet.split(' ')], {
      maxOutput: limits.listingText,
    });
    return result.status === 0 ? parseToldMtus(result.stdout) : new Map();
  }

  async #learnedMtus(addresses: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const input = [...new Set(addresses)].map((address) => `route get ${address}\n`).join('');
    // One that has no route is no reason to know nothing of the others.
    const { stdout } = await this.#run(programs.ip, ['-force', '-batch', '-'], {
      input,
      maxOutput: limits.listingText,
    });
    return parsePathMtus(stdout);
  }
}

/** Reads elements of `nft list set`: `0x00010001 counter packets 3 bytes 252`. */
export function parseWrongSources(text: string): ReadonlyMap<number, number> {
  const elements = text.matchAll(/(0x[0-9a-f]{1,8}|\b\d{1,10}) counter packets (\d+) bytes \d+/g);
  return new Map([...elements].map(([, mark, packets]) => [Number(mark), Number(packets)]));
}

/** Reads answers of `ip route get`: the address, and on the lines below what is known of the way there. */
export function parsePathMtus(text: string): ReadonlyMap<string, number> {
  const known = new Map<string, number>();
  let address = '';
  for (const line of text.split('\n')) {
    const [first = ''] = line.split(' ');
    if (first !== '') address = first;
    const mtu = /\bmtu (?:lock )?(\d+)/.exec(line)?.[1];
    if (mtu !== undefined) known.set(address, Number(mtu));
  }
  return known;
}
