import { describe, expect, test } from 'vitest';
import { limits } from '../../../firmware/netd/limits.ts';
import { readMessage, recordTypes, writeMessage } from '../../../firmware/netd/names/dns-message.ts';
import { HostNames } from '../../../firmware/netd/names/host-names.ts';
import type { Asker } from '../../../firmware/netd/names/responder.ts';

/** Links whose sockets and time are the test's. */
function openLinks() {
  const sockets = new Map<
    string,
    { hear: (octets: Uint8Array, from: Asker) => void; sent: Uint8Array[]; bound: boolean; closed: boolean }
  >();
  const timers = new Set<{ at: number; run: () => void }>();
  const logged: string[] = [];
  let now = 0;
  const names = new HostNames({
    openSocket: async (link, hear) => {
      if (link === 'absent') throw new Error('no such link');
      const socket = { hear, sent: [] as Uint8Array[], bound: true, closed: false };
      sockets.set(link, socket);
      return {
        send: (octets) => void socket.sent.push(octets),
        isBound: () => socket.bound,
        close: () => {
          socket.closed = true;
        },
      };
    },
    setTimer(milliseconds, run) {
      const timer = { at: now + milliseconds, run };
      timers.add(timer);
      return { close: () => void timers.delete(timer) };
    },
    monotonic: () => now,
    random: () => 0,
    log: (_, message) => void logged.push(message),
  });
  return {
    names,
    sockets,
    timers,
    logged,
    /** Until nothing is due. */
    settle() {
      for (let [next] = timers; next !== undefined; [next] = [...timers].toSorted((a, b) => a.at - b.at)) {
        timers.delete(next);
        now = Math.max(now, next.at);
        next.run();
      }
      now += 10_000;
    },
  };
}

const lan = { kernelName: 'br-lan', addresses: ['192.168.1.1/24'] };
const asked = writeMessage({
  ...{ id: 1, isResponse: false, answers: [], authorities: [], additional: [] },
  questions: [{ name: 'hithe.local', type: recordTypes.any, class: 1, unicast: false }],
});

describe('the box’s names on its links', () => {
  test('are on each link with the addresses that it has there', async () => {
    const { names, sockets, settle } = openLinks();
    const management = { kernelName: 'br-mgmt', addresses: ['192.168.254.1/24', 'fe80::1/64'] };
    await names.follow([lan, management], 'Gate-Hamburg');
    settle();
    expect([...names.names()]).toEqual([
      ['br-lan', ['hithe.local', 'gate-hamburg.local']],
      ['br-mgmt', ['hithe.local', 'gate-hamburg.local']],
    ]);
    const said = (link: string) => readMessage(sockets.get(link)?.sent.at(-1) ?? new Uint8Array())?.answers;
    expect(said('br-lan')?.map(({ data }) => data.join('.'))).toEqual(['192.168.1.1']);
    expect(said('br-mgmt')?.map(({ type }) => type)).toEqual([recordTypes.a, recordTypes.aaaa]);
  });

  test.each([
    ['192.168.1.50', true],
    ['fe80::2', true],
    ['169.254.7.7', true],
    ['192.168.2.50', false],
    ['2001:db8::1', false],
    ['nonsense', false],
  ])('who asks from %s is answered: %s (RFC 6762 § 11)', async (address, isAnswered) => {
    const { names, sockets, settle } = openLinks();
    await names.follow([lan], 'gate');
    settle();
    const socket = sockets.get('br-lan');
    socket?.sent.splice(0);
    socket?.hear(asked, { address, port: 5353 });
    expect(socket?.sent).toHaveLength(isAnswered ? 1 : 0);
  });

  test('a link that is gone is taken leave of, one that came anew is opened anew, and the others go on', async () => {
    const { names, sockets, settle, timers } = openLinks();
    await names.follow([lan], 'gate');
    settle();
    const first = sockets.get('br-lan');
    if (first !== undefined) first.bound = false;
    await names.follow([lan], 'gate');
    expect(first?.closed).toBe(true);
    expect(sockets.get('br-lan')).not.toBe(first);
    settle();
    expect(names.names().get('br-lan')).toHaveLength(2);
    await names.close();
    expect(sockets.get('br-lan')?.closed).toBe(true);
    expect([names.names().size, timers.size]).toEqual([0, 0]);
  });

  test('a link that cannot be opened does the others no harm', async () => {
    const { names, logged, settle } = openLinks();
    await names.follow([{ kernelName: 'absent', addresses: ['10.0.0.1/8'] }, lan], 'gate');
    settle();
    expect([...names.names().keys()]).toEqual(['br-lan']);
    expect(logged[0]).toBe('absent: no names are answered for: no such link');
  });

  test.each([limits.nameAddresses, limits.nameAddresses + 1])(
    'of %i addresses as many are said as may be',
    async (count) => {
      const { names, sockets, settle } = openLinks();
      const addresses = Array.from({ length: count }, (_, index) => `192.168.1.${index + 1}/24`);
      await names.follow([{ ...lan, addresses }], 'gate');
      settle();
      const last = readMessage(sockets.get('br-lan')?.sent.at(-1) ?? new Uint8Array());
      expect(last?.answers).toHaveLength(Math.min(count, limits.nameAddresses));
    },
  );
});
