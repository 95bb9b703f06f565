import { describe, expect, test } from 'vitest';
import { type Hardware, type HostParts, machineArguments } from '../../qemu/machine-arguments.ts';
import { cable, userNetwork } from '../../qemu/network.ts';
import { disguises, smbiosArguments } from '../../qemu/smbios.ts';

const hardware: Hardware = { boot: 'uefi', memoryMiB: 256, cpus: 2, networkCards: [] };
const parts: HostParts = {
  accelerator: 'tcg',
  firmware: { code: '/code.fd', variables: '/vars.qcow2' },
  disk: '/disk.qcow2',
  tpmSocket: null,
};

/** The values of one option, in order. */
const valuesOf = (option: string, args: readonly string[]) =>
  args.flatMap((arg, index) => (arg === option ? [args[index + 1]] : []));

describe('machineArguments', () => {
  test('the image is never the file that is written: the disk is the overlay, the firmware code read-only', () => {
    const args = machineArguments(hardware, parts);
    expect(valuesOf('-blockdev', args)).toEqual([expect.stringContaining('file.filename=/disk.qcow2')]);
    expect(valuesOf('-drive', args)[0]).toContain('readonly=on,file=/code.fd');
  });

  test.each([
    ['virtio', 'virtio-blk-pci,'],
    ['ahci', 'ide-hd,'],
    ['nvme', 'nvme,'],
  ] as const)('a disk on %s is a %s device', (diskBus, device) => {
    const disks = valuesOf('-device', machineArguments({ ...hardware, diskBus }, parts)).filter((value) =>
      value?.includes('drive=disk'),
    );
    expect(disks).toEqual([expect.stringMatching(new RegExp(`^${device}`))]);
  });

  test('a physical box has no virtio device and no hypervisor flag', async () => {
    const [end] = await cable();
    const card = { model: 'e1000e', mac: '52:54:00:00:00:01', network: end } as const;
    const args = machineArguments(
      { ...hardware, looksPhysical: true, diskBus: 'ahci', networkCards: [card] },
      parts,
    );
    expect(args.join(' ')).not.toContain('virtio');
    expect(valuesOf('-cpu', args)).toEqual(['max,-hypervisor,-erms,-fsrm']);
  });

  test('string instructions that are slow when emulated are left out where they are', () => {
    expect(valuesOf('-cpu', machineArguments(hardware, parts))).toEqual(['max,-erms,-fsrm']);
    expect(valuesOf('-cpu', machineArguments(hardware, { ...parts, accelerator: 'kvm' }))).toEqual(['max']);
  });

  test('a clock that goes by instructions has one thread for all processors', () => {
    const args = machineArguments({ ...hardware, countsInstructions: true }, parts);
    expect([valuesOf('-accel', args), valuesOf('-icount', args)]).toEqual([
      ['tcg,thread=single'],
      ['shift=1'],
    ]);
    expect(machineArguments(hardware, parts)).not.toContain('-icount');
  });

  test('a TPM is there only with its socket', () => {
    expect(machineArguments(hardware, parts).join(' ')).not.toContain('tpm');
    expect(machineArguments(hardware, { ...parts, tpmSocket: '/t.sock' })).toContain('tpm-tis,tpmdev=tpm0');
  });

  test('Secure Boot’s variables are for system management mode alone', () => {
    const args = machineArguments({ ...hardware, secureBoot: true }, parts);
    expect(valuesOf('-machine', args)).toEqual(['q35,smm=on']);
    expect(valuesOf('-global', args)).toEqual(['driver=cfi.pflash01,property=secure,value=on']);
    expect(valuesOf('-machine', machineArguments(hardware, parts))).toEqual(['q35']);
  });

  test('a kernel given by hand boots without UEFI', () => {
    const boot = { kernel: '/vmlinuz', initrd: '/initrd', commandLine: 'console=ttyS0 quiet' };
    const args = machineArguments({ ...hardware, boot }, { ...parts, firmware: null, disk: null });
    expect(valuesOf('-append', args)).toEqual(['console=ttyS0 quiet']);
    expect(args).not.toContain('-drive');
  });

  test('a capture sits on its own card', async () => {
    const [left, right] = await cable();
    const args = machineArguments(
      {
        ...hardware,
        networkCards: [
          { model: 'virtio-net-pci', mac: '52:54:00:00:00:01', network: left },
          { model: 'virtio-net-pci', mac: '52:54:00:00:00:02', network: right, capture: '/wire.pcap' },
        ],
      },
      parts,
    );
    expect(valuesOf('-object', args)).toEqual(['filter-dump,id=dump1,netdev=net1,file=/wire.pcap']);
  });
});

describe('networks', () => {
  test('the ends of a cable name each other’s ports, on loopback only', async () => {
    const [left, right] = await cable();
    const ports = (netdev: string) =>
      /udp=127\.0\.0\.1:(\d+),localaddr=127\.0\.0\.1:(\d+)$/.exec(netdev)?.slice(1);
    const [remote, local] = ports(left.netdev('a')) ?? [];
    expect(ports(right.netdev('b'))).toEqual([local, remote]);
    expect(remote).not.toBe(local);
  });

  test('a user network lets nothing out and one port of 127.0.0.1 in', async () => {
    const network = await userNetwork({
      prefix: '192.168.1.0/24',
      host: '192.168.1.254',
      forward: { address: '192.168.1.1', port: 443 },
    });
    expect(network.netdev('n')).toContain('restrict=on');
    expect(network.netdev('n')).toContain(`hostfwd=tcp:127.0.0.1:${network.forwardedPort}-192.168.1.1:443`);
  });
});

describe('DSP0134: SMBIOS identity', () => {
  test('each table is one -smbios option, commas doubled as QEMU wants them', () => {
    expect(
      smbiosArguments({
        system: { manufacturer: 'VMware, Inc.', product: 'VMware7,1' },
        chassis: { asset: 'none' },
      }),
    ).toEqual([
      ...['-smbios', 'type=1,manufacturer=VMware,, Inc.,product=VMware7,,1'],
      ...['-smbios', 'type=3,asset=none'],
    ]);
  });

  test('a machine without an identity keeps QEMU’s', () => {
    expect(smbiosArguments({})).toEqual([]);
  });

  test('an EC2 machine shows ec2 at the front of its UUID, an Azure one the documented asset tag', () => {
    expect(smbiosArguments(disguises.aws).join(' ')).toContain('uuid=ec2');
    expect(smbiosArguments(disguises.azure).join(' ')).toContain('asset=7783-7084-3265-9085-8269-3286-77');
  });
});
