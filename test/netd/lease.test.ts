import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Lease, type LeaseState, nextLease, parseLease } from '../../firmware/netd/lease.ts';
import { limits } from '../../firmware/netd/limits.ts';
import { runCommand } from '../../firmware/system/run-command.ts';
import { eventScript, missingForEventScript } from './namespace.ts';

function text(fields: Readonly<Record<string, string>>): string {
  const all = { event: 'bound', ip: '10.0.0.5', mask: '24', ...fields };
  return Object.entries(all)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

function lease(fields: Readonly<Record<string, string>> = {}): Lease {
  const parsed = parseLease(text(fields));
  if (!parsed.ok || parsed.value.event !== 'bound') throw new Error(`no lease: ${JSON.stringify(parsed)}`);
  return parsed.value.lease;
}

const refused = (fields: Readonly<Record<string, string>>) => !parseLease(text(fields)).ok;

describe('a lease file', () => {
  test('gives address, router and name servers', () => {
    expect(lease({ router: '10.0.0.1 10.0.0.2', dns: '10.0.0.3 10.0.0.4', mtu: '1460' })).toEqual({
      address: '10.0.0.5/24',
      routes: [{ destination: 'default', gateway: '10.0.0.1' }],
      dns: ['10.0.0.3', '10.0.0.4'],
      mtu: 1460,
    });
    expect(lease({ event: 'renew' })).toEqual({ address: '10.0.0.5/24', routes: [], dns: [], mtu: null });
  });

  test('RFC 3442: classless routes take the router’s place; 0.0.0.0 is on the link', () => {
    const routes = '10.128.0.1/32 0.0.0.0 0.0.0.0/0 10.128.0.1 169.254.169.254/30 10.128.0.1';
    expect(lease({ router: '10.0.0.1', staticroutes: routes }).routes).toEqual([
      { destination: '10.128.0.1/32', gateway: null },
      { destination: 'default', gateway: '10.128.0.1' },
      { destination: '169.254.169.252/30', gateway: '10.128.0.1' },
    ]);
    for (const bad of [
      '10.0.0.0/8',
      '10.0.0.0/33 10.0.0.1',
      '10.0.0.0 10.0.0.1',
      'x/8 10.0.0.1',
      '10.0.0.0/8 224.0.0.1',
    ]) {
      expect(refused({ staticroutes: bad })).toBe(true);
    }
  });

  test('an address that no host may have is refused', () => {
    for (const ip of [
      '',
      '0.0.0.0',
      '127.0.0.1',
      '224.0.0.1',
      '255.255.255.255',
      '10.0.0.256',
      '10.0.0',
      '10.0.0.5 x',
    ]) {
      expect(refused({ ip })).toBe(true);
    }
    for (const mask of ['', '0', '33', '255.255.255.0']) expect(refused({ mask })).toBe(true);
    expect(refused({ event: 'other' })).toBe(true);
  });

  test('limits hold at their edges', () => {
    for (const [mtu, kept] of [
      [limits.smallestMtu - 1, null],
      [limits.smallestMtu, limits.smallestMtu],
      [limits.largestMtu, limits.largestMtu],
      [limits.largestMtu + 1, null],
    ] as const) {
      expect(lease({ mtu: String(mtu) }).mtu).toBe(kept);
    }
    const routes = (count: number) =>
      Array.from({ length: count }, (_, index) => `10.${index}.0.0/16 10.0.0.1`).join(' ');
    expect(lease({ staticroutes: routes(limits.leaseRoutes) }).routes).toHaveLength(limits.leaseRoutes);
    expect(refused({ staticroutes: routes(limits.leaseRoutes + 1) })).toBe(true);
    const servers = Array.from({ length: limits.leaseServers + 1 }, (_, index) => `10.0.1.${index + 1}`).join(
      ' ',
    );
    expect(lease({ dns: servers }).dns).toHaveLength(3);
    const padding = limits.leaseText - text({}).length;
    expect(parseLease(text({}).padEnd(text({}).length + padding)).ok).toBe(true);
    expect(parseLease(text({}).padEnd(text({}).length + padding + 1)).ok).toBe(false);
  });

  test('the first of two equal keys counts, and nothing makes the parser throw', () => {
    expect(lease({ mtu: '1400\nip=6.6.6.6' }).address).toBe('10.0.0.5/24');
    fc.assert(fc.property(fc.string(), (noise) => typeof parseLease(noise).ok === 'boolean'));
    const field = fc.constantFrom('event', 'ip', 'mask', 'router', 'dns', 'mtu', 'staticroutes');
    const word = fc.oneof(fc.string(), fc.ipV4(), fc.constantFrom('bound', '24', '10.0.0.0/8 10.0.0.1'));
    fc.assert(
      fc.property(fc.dictionary(field, word), (fields) => typeof parseLease(text(fields)).ok === 'boolean'),
    );
  });

  test.skipIf(missingForEventScript() !== null)(
    'is what the event script writes, whatever the server put into other options',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'hithe-lease-'));
      try {
        const environment = {
          HITHE_DHCP_FOLDER: folder,
          ...{
            interface: 'eth0',
            ip: '10.0.0.5',
            mask: '24',
            router: '10.0.0.1',
            dns: '10.0.0.3',
            mtu: '1400',
          },
          ...{ domain: 'x\nip=6.6.6.6', staticroutes: '', hostname: '$(reboot)' },
        };
        const words = Object.entries(environment).map(([key, value]) => `${key}=${value}`);
        const { status, stderr } = await runCommand('/bin/busybox', [
          'env',
          '-i',
          ...words,
          eventScript,
          'bound',
        ]);
        expect(stderr).toBe('');
        expect(status).toBe(0);
        expect(parseLease(readFileSync(join(folder, 'eth0.lease'), 'utf8'))).toEqual({
          ok: true,
          value: { event: 'bound', lease: lease({ router: '10.0.0.1', dns: '10.0.0.3', mtu: '1400' }) },
        });
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );
});

describe('the lease in force', () => {
  const [held, offered] = [lease(), lease({ ip: '10.0.0.6' })];
  const table: [LeaseState, Parameters<typeof nextLease>[1], LeaseState][] = [
    [
      { lease: null, fresh: true },
      { event: 'bound', lease: offered },
      { lease: offered, fresh: false },
    ],
    [
      { lease: held, fresh: true },
      { event: 'bound', lease: offered },
      { lease: offered, fresh: false },
    ],
    [
      { lease: held, fresh: false },
      { event: 'bound', lease: offered },
      { lease: offered, fresh: false },
    ],
    [{ lease: held, fresh: true }, { event: 'deconfig' }, { lease: held, fresh: true }],
    [{ lease: held, fresh: false }, { event: 'deconfig' }, { lease: null, fresh: false }],
    [{ lease: null, fresh: true }, { event: 'deconfig' }, { lease: null, fresh: true }],
    [{ lease: held, fresh: true }, { event: 'nak' }, { lease: null, fresh: false }],
    [{ lease: held, fresh: false }, { event: 'nak' }, { lease: null, fresh: false }],
    [{ lease: held, fresh: true }, { event: 'leasefail' }, { lease: null, fresh: false }],
    [{ lease: held, fresh: false }, { event: 'leasefail' }, { lease: null, fresh: false }],
  ];
  test.each(table)('%j, %j → %j', (state, event, next) => {
    expect(nextLease(state, event)).toEqual(next);
  });
});
