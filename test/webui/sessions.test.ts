import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { networkOf } from '../../firmware/webui/client-network.ts';
import { limits } from '../../firmware/webui/limits.ts';
import { type Client, createSessions } from '../../firmware/webui/sessions.ts';

const ada = { name: 'ada', role: 'owner' } as const;
const laptop: Client = { address: '192.168.1.50', userAgent: 'Firefox' };

function open() {
  const clock = { at: 1_000 };
  const elsewhere: string[] = [];
  const sessions = createSessions({
    random: (length) => new Uint8Array(randomBytes(length)),
    elapsed: () => clock.at,
    onElsewhere: (user, address) => elsewhere.push(`${user} ${address}`),
  });
  return { clock, elsewhere, sessions };
}

describe('a session', () => {
  test('has two secrets of 256 bits that are no other session’s', () => {
    const { sessions } = open();
    const begun = Array.from({ length: 20 }, () => sessions.begin(ada, laptop));
    const secrets = begun.flatMap(({ id, csrfToken }) => [id, csrfToken]);
    expect(new Set(secrets).size).toBe(40);
    for (const secret of secrets) expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  test('lasts as long as it is used, and no longer than a working day', () => {
    const { clock, sessions } = open();
    const { id, leftMs } = sessions.begin(ada, laptop);
    expect(leftMs).toBe(limits.sessionIdleMs);
    const used = limits.sessionIdleMs / 2;
    for (clock.at += used; clock.at < limits.sessionMs; clock.at += used)
      expect(sessions.find(id, laptop)).not.toBeNull();
    clock.at = 1_000 + limits.sessionMs - 1;
    expect(sessions.find(id, laptop)?.leftMs).toBe(1);
    clock.at += 1;
    expect(sessions.find(id, laptop)).toBeNull();
    expect(sessions.count()).toBe(0);
  });

  test('that is not used ends after its idle time, to the millisecond', () => {
    const { clock, sessions } = open();
    const { id } = sessions.begin(ada, laptop);
    clock.at += limits.sessionIdleMs - 1;
    expect(sessions.lasts(id)).toBe(true);
    clock.at += 1;
    expect(sessions.lasts(id)).toBe(false);
    expect(sessions.find(id, laptop)).toBeNull();
  });

  test('is listed under a name that a command line takes for no option, whatever its octets are', () => {
    for (let octet = 0; octet < 256; octet++) {
      const sessions = createSessions({
        random: (length) => new Uint8Array(length).fill(octet),
        elapsed: () => 0,
        onElsewhere: () => {},
      });
      expect(sessions.begin(ada, laptop).label).toMatch(/^[0-9a-f]{12}$/);
    }
  });

  test('of somebody else is not ended by signing in over and over', () => {
    const { sessions } = open();
    const { id } = sessions.begin(ada, laptop);
    const eve = { name: 'eve', role: 'viewer' } as const;
    for (let count = 0; count < 3 * limits.sessions; count++) sessions.begin(eve, laptop);
    expect(sessions.lasts(id)).toBe(true);
    expect(sessions.count()).toBe(limits.sessions);
  });

  test('is listed as long as it lasts, the one used last first, without its secrets', () => {
    const { clock, sessions } = open();
    const phone = { address: '192.168.1.60', userAgent: 'Safari' };
    const [first, second] = [sessions.begin(ada, laptop), sessions.begin(ada, phone)];
    clock.at += 1_000;
    sessions.find(first.id, laptop);
    const labels = () => sessions.list().map(({ label }) => label);
    expect(labels()).toEqual([first.label, second.label]);
    expect(sessions.list()[1]).toEqual({
      ...{ label: second.label, user: ada, client: phone },
      ...{ ageMs: 1_000, idleMs: 1_000, leftMs: limits.sessionIdleMs - 1_000 },
    });
    expect(JSON.stringify(sessions.list())).not.toContain(first.id);
    clock.at += limits.sessionIdleMs - 1_000;
    expect(labels()).toEqual([first.label]);
    sessions.endLabelled(first.label);
    expect([labels(), sessions.find(first.id, laptop)]).toEqual([[], null]);
  });

  test('is listed where it was used last', () => {
    const { sessions } = open();
    const at = (host: string): Client => ({ address: `2001:db8::${host}`, userAgent: 'Firefox' });
    const { id } = sessions.begin(ada, at('1'));
    sessions.find(id, at('2'));
    expect(sessions.list().map(({ client }) => client.address)).toEqual(['2001:db8::2']);
  });

  test('is not kept by what the page asks for by itself', () => {
    const { clock, sessions } = open();
    const { id } = sessions.begin(ada, laptop);
    clock.at += limits.sessionIdleMs - 1;
    expect(sessions.find(id, laptop, { renew: false })?.leftMs).toBe(1);
    clock.at += 1;
    expect(sessions.find(id, laptop, { renew: false })).toBeNull();
  });

  test.each<[string, Client]>([
    ['another address', { ...laptop, address: '192.168.1.51' }],
    ['another browser', { ...laptop, userAgent: 'Chromium' }],
    ['no browser', { ...laptop, userAgent: '' }],
  ])('used from %s has become known: it ends for everybody', (_, thief) => {
    const { sessions, elsewhere } = open();
    const { id } = sessions.begin(ada, laptop);
    expect(sessions.find(id, thief)).toBeNull();
    expect(elsewhere).toEqual([`ada ${thief.address}`]);
    expect(sessions.find(id, laptop)).toBeNull();
  });

  test('goes with a host that changes its IPv6 address within its network (RFC 8981)', () => {
    const { sessions } = open();
    const { id } = sessions.begin(ada, { ...laptop, address: 'fd00:1:2:3:a:b:c:d' });
    expect(sessions.find(id, { ...laptop, address: 'fd00:1:2:3::9' })).not.toBeNull();
    expect(sessions.find(id, { ...laptop, address: 'fd00:1:2:4::9' })).toBeNull();
  });

  test('allows dangerous acts for five minutes after the password was given again', () => {
    const { clock, sessions } = open();
    const begun = sessions.begin(ada, laptop);
    expect(begun.confirmedMs).toBeNull();
    expect(sessions.confirm(begun.id)?.confirmedMs).toBe(limits.confirmedMs);
    clock.at += limits.confirmedMs - 1;
    expect(sessions.find(begun.id, laptop)?.confirmedMs).toBe(1);
    clock.at += 1;
    expect(sessions.find(begun.id, laptop)?.confirmedMs).toBeNull();
    expect(sessions.confirm('no such session')).toBeNull();
  });

  test('of too many, the one that was used longest ago ends', () => {
    const { clock, sessions } = open();
    const [first, second] = [sessions.begin(ada, laptop), sessions.begin(ada, laptop)];
    for (let index = 2; index < limits.sessions; index++) sessions.begin(ada, laptop);
    clock.at += 1;
    sessions.find(first.id, laptop);
    expect(sessions.count()).toBe(limits.sessions);
    sessions.begin(ada, laptop);
    expect(sessions.count()).toBe(limits.sessions);
    expect([sessions.lasts(first.id), sessions.lasts(second.id)]).toEqual([true, false]);
  });

  test('ends by itself, with all of its user, or with everybody', () => {
    const { sessions } = open();
    const bert = { name: 'bert', role: 'viewer' } as const;
    const begun = [ada, ada, bert].map((user) => sessions.begin(user, laptop).id);
    const [one = '', two = '', his = ''] = begun;
    const lasting = () => begun.map((id) => sessions.lasts(id));
    sessions.endAll({ user: 'ada', except: one });
    expect(lasting()).toEqual([true, false, true]);
    sessions.end(two);
    sessions.endAll({});
    expect(lasting()).toEqual([false, false, false]);
    expect(his).not.toBe('');
  });

  test('a secret that was made up finds none, whatever it is', () => {
    const { sessions } = open();
    sessions.begin(ada, laptop);
    fc.assert(
      fc.property(fc.string(), (id) => {
        expect(sessions.find(id, laptop)).toBeNull();
      }),
    );
    for (const name of ['__proto__', 'constructor', 'toString'])
      expect(sessions.find(name, laptop)).toBeNull();
  });
});

describe('the network of an address', () => {
  test.each([
    ['192.168.1.50', '192.168.1.50'],
    ['::ffff:192.168.1.50', '192.168.1.50'],
    ['::ffff:c0a8:132', '192.168.1.50'],
    ['fe80::1%br-lan', 'fe80000000000000/64'],
    ['FD00:1:2:3:4:5:6:7', 'fd00000100020003/64'],
    ['fd00:1:2:3::', 'fd00000100020003/64'],
    ['::1', '0000000000000000/64'],
    ['', ''],
  ])('of %j is %j', (address, network) => expect(networkOf(address)).toBe(network));

  test('is one for every way to write an address, and another for another /64', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        expect(networkOf(address.toUpperCase())).toBe(networkOf(address));
        expect(networkOf(`${address}%eth0`)).toBe(networkOf(address));
      }),
    );
    expect(networkOf('fd00:1:2:3::1')).not.toBe(networkOf('fd00:1:2:4::1'));
  });

  test('no text makes it fail', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(typeof networkOf(text)).toBe('string');
      }),
    );
  });
});
