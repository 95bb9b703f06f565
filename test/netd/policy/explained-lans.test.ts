import { expect, test } from 'vitest';
import { PolicyEnforcement } from '../../../firmware/netd/policy/enforcement.ts';
import { defaultSettings, type Settings } from '../../../firmware/store/settings-schema.ts';

const guest = { vlan: 10, address: '10.10.0.1/24', dhcpServer: true, delegated: 3 };
const settings: Settings = {
  ...defaultSettings,
  network: {
    ...defaultSettings.network,
    underlay: { ...defaultSettings.network.underlay, dhcpv6: true },
    lan: { ...defaultSettings.network.lan, delegated: 2 },
    networks: { guest },
  },
};
const interfaces = [
  {
    kernelName: 'br-lan',
    addresses: ['192.168.1.1/24', '2001:db8:ff00:2::1/64', 'fe80::ff:fe00:1/64'],
  },
  { kernelName: 'br-guest', addresses: ['10.10.0.1/24', '2001:db8:ff00:3::1/64', 'fe80::ff:fe00:1/64'] },
];

/** In force where the kernel takes whatever it is told. */
function enforced(
  told: () => typeof interfaces,
): AsyncDisposable & { readonly enforcement: PolicyEnforcement } {
  const enforcement = new PolicyEnforcement({
    setTimer: () => ({ close: () => {} }),
    log: () => {},
    readText: () => null,
    replaceText: () => null,
    runFolder: '/run',
    run: async () => ({ status: 0, stdout: '', stderr: '' }),
    now: () => 0,
    interfaces: told,
  });
  return { enforcement, [Symbol.asyncDispose]: () => enforcement.close() };
}

test('the time is served to the networks that are told it, and to no others', async () => {
  const { network } = settings;
  const told = {
    ...settings,
    network: { ...network, lan: { ...network.lan, ntpServer: true }, ntp: { servers: ['192.0.2.1'] } },
    policy: { ...settings.policy, unknownDevices: 'permitted' as const },
  };
  await using kept = enforced(() => interfaces);
  await kept.enforcement.apply({ settings: told, own: {}, lan: ['br-lan', 'br-guest'], apart: [] });
  const asked = (from: string, to: string) =>
    kept.enforcement.explain({ from, to, protocol: 'udp', port: 123 });
  expect(asked('192.168.1.5', '192.168.1.1')).toMatchObject({ value: { reason: 'served' } });
  expect(asked('10.10.0.5', '10.10.0.1')).toMatchObject({ value: { reason: 'not-served' } });
  // Devices in quarantine are not.
  await kept.enforcement.apply({
    ...{ settings: { ...told, policy: settings.policy }, own: {} },
    ...{ lan: ['br-lan', 'br-guest'], apart: [] },
  });
  expect(asked('192.168.1.5', '192.168.1.1')).toMatchObject({ value: { reason: 'quarantine' } });
});

test('a delegated prefix is its network’s for as long as the bridge has it', async () => {
  let told = interfaces;
  await using kept = enforced(() => told);
  const { enforcement } = kept;
  const asked = (from: string, to: string, port: number) => {
    const result = enforcement.explain({ from, to, protocol: 'tcp', port });
    return result.ok ? result.value.reason : result.problem;
  };
  await enforcement.apply({ settings, own: {}, lan: ['br-lan', 'br-guest'], apart: [] });
  const [one, other] = ['2001:db8:ff00:2::7', '2001:db8:ff00:2::8'];
  expect(asked(one, other, 80)).toBe('switched');
  expect(asked(one, '2001:db8:ff00:3::7', 80)).toBe('quarantine');
  // The gateway's own address there serves the page to whoever is on that network.
  expect(asked(one, '2001:db8:ff00:2::1', 443)).toBe('served');
  // The links' own addresses are on all of them, and tell nothing.
  expect(asked('fe80::7', 'fe80::8', 80)).not.toBe('switched');
  told = [];
  expect(asked(one, other, 80)).not.toBe('switched');
});
