import { describe, expect, test, vi } from 'vitest';
import {
  type Question,
  readMessage,
  recordTypes,
  writeMessage,
} from '../../../firmware/netd/names/dns-message.ts';
import { assignPorts } from '../../../firmware/netd/ports.ts';
import { defaultSettings } from '../../../firmware/store/settings-schema.ts';
import { openPolicy } from '../../../qemu/open-policy.ts';
import { eventually, Laboratory, missingForNamespaces } from '../namespace.ts';
import type { ApplyAnswer, ApplyRequest } from '../namespace-apply.ts';
import type { AskName, Heard } from './namespace-ask.ts';
import type { NamesAnswer, NamesRequest } from './namespace-names.ts';

vi.setConfig({ testTimeout: 60_000 });
const missing = missingForNamespaces();

/** router ── box:eth0 (underlay)   box:eth1 in br-lan ── host, with the firmware's own rules in the box. */
async function site(lab: Laboratory): Promise<void> {
  await lab.namespaces('box', 'router', 'host');
  await lab.cable('box:eth0', 'router:eth0');
  await lab.cable('box:eth1', 'host:eth0');
  const nics = ['eth0', 'eth1'].map((kernelName) => ({
    ...{ kernelName, devicePath: null, devicePort: 0, mac: null, driver: 'veth' },
  }));
  const network = {
    ...defaultSettings.network,
    underlay: { ipv4: { address: '10.0.0.2/24', gateway: '10.0.0.1', dns: [] }, ipv6: 'auto' as const },
  };
  const request: ApplyRequest = {
    ...{ policy: openPolicy, settings: network },
    ports: [...assignPorts(nics, { order: 'bus', named: [] }, {})],
  };
  const applied = await lab.node<ApplyAnswer>('box', './namespace-apply.ts', request);
  expect(applied).toMatchObject({ failures: [], second: [] });
  await lab.ip('box', 'address add fd01::1/64 dev br-lan nodad');
  for (const words of [
    'link set eth0 up',
    'address add 192.168.1.100/24 dev eth0',
    'address add fd01::100/64 dev eth0 nodad',
  ])
    await lab.ip('host', words);
  for (const words of ['link set eth0 up', 'address add 10.0.0.1/24 dev eth0']) await lab.ip('router', words);
}

const question = (more: Partial<Question>): Question => ({
  ...{ name: 'hithe.local', type: recordTypes.a, class: 1, unicast: false },
  ...more,
});

async function ask(
  lab: Laboratory,
  namespace: string,
  from: string,
  asked: Partial<Question>,
  more: Partial<AskName> = {},
) {
  const message = {
    id: 7,
    isResponse: false,
    questions: [question(asked)],
    answers: [],
    authorities: [],
    additional: [],
  };
  const octets = Buffer.from(writeMessage(message)).toString('hex');
  const request: AskName = { family: 4, link: 'eth0', port: 0, from, octets, patienceMs: 5000, ...more };
  const heard = await lab.node<Heard>(namespace, './names/namespace-ask.ts', request);
  if (heard === null) return null;
  const { answers = [] } = readMessage(Buffer.from(heard.octets, 'hex')) ?? {};
  return { from: heard.from, answers: answers.map(({ name, data, ttl }) => [name, data.join('.'), ttl]) };
}

describe.skipIf(missing !== null)(`hithe.local${missing === null ? '' : ` (${missing})`}`, () => {
  test('is answered for on the LAN through the box’s own rules, by both its names and families, and not on the underlay', async () => {
    await using lab = new Laboratory();
    await site(lab);
    const box = lab.converse('box', './names/namespace-names.ts');
    const lan = { kernelName: 'br-lan', addresses: ['192.168.1.1/24', 'fd01::1/64'] };
    const say = (request: NamesRequest) => box.ask<NamesAnswer>(request);
    await say({ links: [lan], hostname: 'gate-hamburg' });
    const known = (names: NamesAnswer) => names[0]?.[1].length === 2;
    expect(await eventually(() => say('names'), known)).toEqual([
      ['br-lan', ['hithe.local', 'gate-hamburg.local']],
    ]);

    const plain = await ask(lab, 'host', '192.168.1.100', {});
    expect(plain).toEqual({ from: '192.168.1.1', answers: [['hithe.local', '192.168.1.1', 10]] });
    const named = await ask(
      lab,
      'host',
      '192.168.1.100',
      { name: 'gate-hamburg.local', unicast: true },
      { port: 5353 },
    );
    expect(named).toEqual({ from: '192.168.1.1', answers: [['gate-hamburg.local', '192.168.1.1', 120]] });
    const six = await ask(lab, 'host', 'fd01::100', { type: recordTypes.aaaa }, { family: 6 });
    const sixteen = [0xfd, 1, ...Array.from({ length: 13 }, () => 0), 1].join('.');
    expect(six?.answers).toEqual([['hithe.local', sixteen, 10]]);

    // The underlay hears nothing, not even where it asks the LAN's address.
    await lab.ip('router', 'route add 192.168.1.0/24 via 10.0.0.2');
    for (const to of [undefined, '10.0.0.2', '192.168.1.1'])
      expect(await ask(lab, 'router', '10.0.0.1', {}, { patienceMs: 500, ...(to && { to }) })).toBeNull();

    // A host that is not of the link, though it is on the cable (RFC 6762 § 11).
    await lab.ip('host', 'address add 172.16.0.9/24 dev eth0');
    await lab.ip('box', 'route add 172.16.0.0/24 dev br-lan');
    expect(await ask(lab, 'host', '172.16.0.9', {}, { patienceMs: 500 })).toBeNull();

    // Another name from now on, and none once it ends.
    await say({ links: [lan], hostname: 'gate-bremen' });
    const renamed = (names: NamesAnswer) => names[0]?.[1].includes('gate-bremen.local') === true;
    await eventually(() => say('names'), renamed);
    expect(await ask(lab, 'host', '192.168.1.100', { name: 'gate-bremen.local' })).not.toBeNull();
    expect(
      await ask(lab, 'host', '192.168.1.100', { name: 'gate-hamburg.local' }, { patienceMs: 500 }),
    ).toBeNull();
    expect(await say({ links: [], hostname: 'gate-bremen' })).toEqual([]);
    expect(await ask(lab, 'host', '192.168.1.100', {}, { patienceMs: 500 })).toBeNull();
  });

  test('two boxes on one network are hithe and hithe-2', async () => {
    await using lab = new Laboratory();
    await lab.namespaces('one', 'two');
    await lab.cable('one:lan', 'two:lan');
    for (const [namespace, address] of [
      ['one', '192.168.1.1/24'],
      ['two', '192.168.1.2/24'],
    ] as const) {
      await lab.ip(namespace, 'link set lan up');
      await lab.ip(namespace, `address add ${address} dev lan`);
    }
    const start = async (namespace: string, address: string) => {
      const conversation = lab.converse(namespace, './names/namespace-names.ts');
      const say = (request: NamesRequest) => conversation.ask<NamesAnswer>(request);
      await say({ links: [{ kernelName: 'lan', addresses: [address] }], hostname: namespace });
      const names = async () =>
        (
          await eventually(
            () => say('names'),
            ([link]) => link?.[1].length === 2,
          )
        )[0]?.[1];
      return { conversation, names };
    };
    const one = await start('one', '192.168.1.1/24');
    expect(await one.names()).toEqual(['hithe.local', 'one.local']);
    const two = await start('two', '192.168.1.2/24');
    expect(await two.names()).toEqual(['hithe-2.local', 'two.local']);
    expect(await one.names()).toEqual(['hithe.local', 'one.local']);
  });
});
