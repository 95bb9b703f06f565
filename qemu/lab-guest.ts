import { cardMac } from './gateway.ts';
import { HarnessError } from './harness-error.ts';
import { Machine } from './machine.ts';
import type { NetworkEnd } from './network.ts';

export type LabGuestOptions = {
  readonly name: string;
  readonly kernelPath: string;
  /** busybox and the network modules, with a shell on the serial line. */
  readonly initrdPath: string;
  readonly networks: readonly NetworkEnd[];
};

const machineNumber = 0;
const bootMs = 120_000;

/** A guest with nothing but a kernel and busybox, whose shell plays the world around the gateways. */
export class LabGuest implements AsyncDisposable {
  readonly machine: Machine;
  #commands = 0;

  private constructor(machine: Machine) {
    this.machine = machine;
  }

  static async start({ name, kernelPath, initrdPath, networks }: LabGuestOptions): Promise<LabGuest> {
    const machine = await Machine.start({
      ...{ name, memoryMiB: 128, cpus: 1, probeKernel: kernelPath },
      boot: { kernel: kernelPath, initrd: initrdPath, commandLine: 'console=ttyS0 quiet panic=-1' },
      networkCards: networks.map((network, index) => ({
        ...{ model: 'virtio-net-pci', mac: cardMac(machineNumber, index + 1), network },
      })),
    });
    const guest = new LabGuest(machine);
    await machine.console.expect(/lab: shell ready\n/, bootMs);
    // Without echo and prompts, what comes back is what commands print.
    await guest.run("stty -echo; PS1='' PS2=''");
    return guest;
  }

  /** Runs a shell command to its end and returns what it printed on both channels. */
  async attempt(
    command: string,
    timeoutMs = 30_000,
  ): Promise<{ readonly status: number; readonly output: string }> {
    const mark = `end-${++this.#commands}`;
    // The mark is put together in the guest, so that an echo of this line does not look like the end.
    this.machine.console.write(`{ ${command}\n} 2>&1; printf '\\nend-%s %s\\n' ${this.#commands} $?\n`);
    const match = await this.machine.console.expect(new RegExp(`\\n${mark} (\\d+)\\n`), timeoutMs);
    return { status: Number(match[1]), output: match.input.slice(0, match.index).trim() };
  }

  /** As `attempt`, and a failure is an error with what the command said. */
  async run(command: string, timeoutMs?: number): Promise<string> {
    const { status, output } = await this.attempt(command, timeoutMs);
    if (status !== 0)
      throw new HarnessError('refused', `In the lab guest, "${command}" ended with ${status}: ${output}`);
    return output;
  }

  /** Names the card that is plugged into the network of this index. */
  async nameCard(index: number, name: string): Promise<void> {
    await this.run(`nameif ${name} ${cardMac(machineNumber, index + 1)}`);
  }

  /** Moves a card into a network namespace of its own: another host. Returns the prefix that runs commands there. */
  async makeHost(card: string, address: string, router: string): Promise<string> {
    const holder = await this.run('unshare -n sleep 2147483647 >/dev/null & echo $!');
    const inside = `nsenter -t ${holder} -n`;
    // The namespace is there once the holder has left ours.
    await this.run(
      `until [ "$(readlink /proc/${holder}/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do usleep 50000; done`,
    );
    await this.run(`ip link set ${card} netns ${holder}`);
    for (const command of [
      'ip link set lo up',
      `ip address add ${address} dev ${card}`,
      `ip link set ${card} up`,
      `ip route add default via ${router}`,
    ]) {
      await this.run(`${inside} ${command}`);
    }
    return inside;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.machine[Symbol.asyncDispose]();
  }
}
