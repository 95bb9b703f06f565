import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limits } from '../../../firmware/netd/limits.ts';
import {
  type DnsMessage,
  type Question,
  type ResourceRecord,
  readMessage,
  recordTypes,
  writeMessage,
} from '../../../firmware/netd/names/dns-message.ts';
import {
  type Asker,
  dueAt,
  initialResponder,
  namesOf,
  type OwnNames,
  type ResponderInput,
  type ResponderState,
  type Sent,
  transition,
} from '../../../firmware/netd/names/responder.ts';

const address = Uint8Array.of(192, 168, 1, 1);
const own: OwnNames = { names: ['hithe'], addresses: [address], elsewhere: [] };
const host: Asker = { address: '192.168.1.50', port: 5353 };
const everything: Omit<DnsMessage, 'isResponse'> = {
  id: 0,
  questions: [],
  answers: [],
  authorities: [],
  additional: [],
};

const question = (more: Partial<Question> = {}): Question => ({
  ...{ name: 'hithe.local', type: recordTypes.a, class: 1, unicast: false },
  ...more,
});
const record = (more: Partial<ResourceRecord> = {}): ResourceRecord => ({
  ...{ name: 'hithe.local', type: recordTypes.a, class: 1, isOnly: true, ttl: 120, data: address },
  ...more,
});
const theirs = Uint8Array.of(192, 168, 1, 2);
const asks = (
  questions: readonly Question[],
  more: Partial<DnsMessage> = {},
  from = host,
): ResponderInput => ({
  ...{ kind: 'message', from },
  octets: writeMessage({ ...everything, isResponse: false, questions, ...more }),
});
const says = (answers: readonly ResourceRecord[], from = host): ResponderInput => ({
  ...{ kind: 'message', from },
  octets: writeMessage({ ...everything, isResponse: true, answers }),
});

/** A link on which time passes as it is told. */
class Link {
  state: ResponderState = initialResponder;
  now = 1_000_000;
  /** What was sent since it was looked at. */
  #sent: Sent[] = [];

  give(input: ResponderInput): this {
    const { state, send } = transition(this.state, input, this.now);
    this.state = state;
    this.#sent.push(...send);
    return this;
  }

  pass(milliseconds: number): this {
    const until = this.now + milliseconds;
    for (let due = dueAt(this.state); due !== null && due <= until; due = dueAt(this.state)) {
      this.now = Math.max(this.now, due);
      this.give({ kind: 'time' });
    }
    this.now = until;
    return this;
  }

  sent(): (DnsMessage & { readonly to: Asker | null })[] {
    const sent = this.#sent.map(({ octets, to }) => {
      const message = readMessage(octets);
      if (message === null) throw new Error('not a message');
      return { ...message, to };
    });
    this.#sent = [];
    return sent;
  }

  names = () => namesOf(this.state);
}

const begun = (mine: OwnNames = own) => new Link().give({ kind: 'own', own: mine, delay: 100 });
/** Long after its name was announced. */
function settled(mine: OwnNames = own): Link {
  const link = begun(mine).pass(60_000);
  link.sent();
  return link;
}

describe('RFC 6762 § 8: a name is asked for before it is used', () => {
  test('§ 8.1: three probes 250 ms apart, with what is meant to be said; § 8.3: then two announcements', () => {
    const link = begun();
    expect(link.pass(99).sent()).toEqual([]);
    for (const wait of [1, 250, 250]) {
      const [probe, ...more] = link.pass(wait).sent();
      expect(more).toEqual([]);
      expect(probe).toMatchObject({
        ...{ to: null, isResponse: false, answers: [] },
        questions: [{ name: 'hithe.local', type: recordTypes.any, unicast: true }],
        authorities: [{ name: 'hithe.local', type: recordTypes.a, isOnly: false, data: address }],
      });
      expect(link.names()).toEqual([]);
    }
    for (const wait of [250, 1000]) {
      const [announced, ...more] = link.pass(wait).sent();
      expect(more).toEqual([]);
      expect(announced).toMatchObject({ to: null, isResponse: true, questions: [], answers: [record()] });
      expect(link.names()).toEqual(['hithe.local']);
    }
    expect(link.pass(3_600_000).sent()).toEqual([]);
  });

  test('a name that somebody has becomes the next one', () => {
    const link = begun().pass(200);
    link.give(says([record({ data: theirs })])).pass(60_000);
    expect(link.names()).toEqual(['hithe-2.local']);
  });

  test('as many as there may be are tried, ever more slowly, and then none', () => {
    const link = begun().pass(200);
    let answers = 0;
    for (; dueAt(link.state) !== null && answers < 1000; answers++) {
      const name = answers === 0 ? 'hithe.local' : `hithe-${answers + 1}.local`;
      link.give(says([record({ name, data: theirs })]));
      if (answers === limits.nameConflicts) expect(dueAt(link.state)).toBe(link.now + 5000);
    }
    expect(answers).toBe(limits.namesOfAKind);
    expect(link.pass(60_000).names()).toEqual([]);
  });

  test.each([
    ['greater', theirs, 1000],
    ['smaller', Uint8Array.of(192, 168, 1, 0), 250],
    ['the same', address, 250],
  ])('§ 8.2: of two that probe at once the greater wins: theirs is %s', (_what, data, wait) => {
    const link = begun().pass(100);
    link.sent();
    link.give(
      asks([question({ type: recordTypes.any })], { authorities: [record({ data, isOnly: false })] }),
    );
    expect(link.pass(wait - 1).sent()).toEqual([]);
    expect(link.pass(1).sent()).toHaveLength(1);
  });

  test('a name that is not ours yet is not answered for', () => {
    const link = begun().pass(200);
    link.sent();
    expect(link.give(asks([question()])).sent()).toEqual([]);
  });

  test('§ 8.4: other addresses are announced, without asking again', () => {
    const link = settled().give({ kind: 'own', own: { ...own, addresses: [theirs] }, delay: 0 });
    expect(link.pass(0).sent()).toMatchObject([
      { isResponse: true, answers: [{ data: theirs, isOnly: true }] },
    ]);
  });

  test('§ 10.1: a name that is given up is taken back; another is asked for', () => {
    const link = settled().give({ kind: 'own', own: { ...own, names: ['gate'] }, delay: 0 });
    expect(link.sent()).toMatchObject([{ isResponse: true, answers: [{ name: 'hithe.local', ttl: 0 }] }]);
    expect(link.pass(60_000).names()).toEqual(['gate.local']);
    link.sent();
    expect(link.give({ kind: 'stop' }).sent()).toMatchObject([{ answers: [{ name: 'gate.local', ttl: 0 }] }]);
    expect(link.pass(60_000).sent()).toEqual([]);
  });

  test('a name of 63 letters gets its number in their place', () => {
    const long = 'a'.repeat(63);
    const link = begun({ ...own, names: [long] }).pass(200);
    link.give(says([record({ name: `${long}.local`, data: theirs })])).pass(60_000);
    expect(link.names()).toEqual([`${'a'.repeat(61)}-2.local`]);
  });
});

describe('RFC 6762 § 6: answers', () => {
  test('to everybody, at most once a second', () => {
    const link = settled();
    expect(link.give(asks([question()])).sent()).toMatchObject([
      { id: 0, to: null, questions: [], answers: [record()] },
    ]);
    expect(
      link
        .pass(999)
        .give(asks([question()]))
        .sent(),
    ).toEqual([]);
    expect(
      link
        .pass(1)
        .give(asks([question()]))
        .sent(),
    ).toHaveLength(1);
  });

  test('of upper and lower case alike, of any class and type that fits', () => {
    for (const asked of [{ name: 'HiThE.local' }, { type: recordTypes.any }, { class: 255 }])
      expect(
        settled()
          .give(asks([question(asked)]))
          .sent(),
      ).toHaveLength(1);
    for (const asked of [{ name: 'hithe.lan' }, { name: 'x.hithe.local' }, { type: 12 }, { class: 3 }])
      expect(
        settled()
          .give(asks([question(asked)]))
          .sent(),
      ).toEqual([]);
  });

  test('§ 6.1: of a type that there is none of, that there is none', () => {
    const [said] = settled()
      .give(asks([question({ type: recordTypes.aaaa })]))
      .sent();
    const name = [5, ...Buffer.from('hithe'), 5, ...Buffer.from('local'), 0];
    expect(said?.answers).toMatchObject([
      { type: recordTypes.nsec, isOnly: true, data: Uint8Array.of(...name, 0, 1, 0x40) },
    ]);
  });

  test('§ 5.4: to who asks for one of its own, unless everybody has not heard it for long', () => {
    const link = settled();
    const unicast = asks([question({ unicast: true })]);
    expect(link.give(unicast).sent()).toMatchObject([{ to: null }]);
    expect(link.pass(1000).give(unicast).sent()).toMatchObject([{ to: host, answers: [record()] }]);
  });

  test('§ 6.7: to plain resolvers as they know it: their number, their question, ten seconds', () => {
    const plain = { address: '192.168.1.50', port: 40_000 };
    const [said] = settled()
      .give(asks([question()], { id: 77 }, plain))
      .sent();
    expect(said).toMatchObject({
      id: 77,
      to: plain,
      questions: [question()],
      answers: [{ ttl: 10, isOnly: false }],
    });
  });

  test('§ 7.1: not what is known already, if it is known for long', () => {
    const knowing = (ttl: number, data = address) => asks([question()], { answers: [record({ ttl, data })] });
    expect(settled().give(knowing(60)).sent()).toEqual([]);
    expect(settled().give(knowing(59)).sent()).toHaveLength(1);
    expect(settled().give(knowing(120, theirs)).sent()).toHaveLength(1);
  });

  test('those to one are bounded', () => {
    const link = settled();
    const plain = { address: '192.168.1.50', port: 40_000 };
    for (let count = 0; count < 1000; count++) link.give(asks([question()], {}, plain));
    expect(link.sent()).toHaveLength(limits.nameAnswers);
    link.pass(500);
    for (let count = 0; count < 1000; count++) link.give(asks([question()], {}, plain));
    expect(link.sent()).toHaveLength(limits.nameAnswers / 2);
  });

  test('a probe is answered four times a second: whoever wants the name hears that it is taken', () => {
    const probe = asks([question({ type: recordTypes.any })], { authorities: [record({ data: theirs })] });
    const link = settled();
    expect(link.give(probe).sent()).toHaveLength(1);
    expect(link.pass(249).give(probe).sent()).toEqual([]);
    expect(link.pass(1).give(probe).sent()).toHaveLength(1);
  });
});

describe('RFC 6762 § 9: somebody says something else of the name', () => {
  test('it is asked for again, and given up if it is somebody’s', () => {
    const link = settled().give(says([record({ data: theirs })]));
    expect(link.names()).toEqual([]);
    expect(link.pass(10_000).names()).toEqual(['hithe.local']);
    link
      .give(says([record({ data: theirs })]))
      .pass(100)
      .give(says([record({ data: theirs })]));
    expect(link.pass(10_000).names()).toEqual(['hithe-2.local']);
  });

  test.each([
    ['our own address', says([record()])],
    ['our address on another link', says([record({ data: Uint8Array.of(192, 168, 2, 1) })])],
    ['a record that is taken back', says([record({ data: theirs, ttl: 0 })])],
    ['another name', says([record({ name: 'other.local', data: theirs })])],
    ['what is not from the port', says([record({ data: theirs })], { ...host, port: 1024 })],
  ])('%s is no such thing', (_what, said) => {
    const link = settled({ ...own, elsewhere: [Uint8Array.of(192, 168, 2, 1)] });
    expect(link.give(said).names()).toEqual(['hithe.local']);
  });

  test('§ 6.6: what is ours is said again where somebody takes it back', () => {
    const link = settled().give(says([record({ ttl: 0 })]));
    expect(link.pass(0).sent()).toMatchObject([{ to: null, answers: [record()] }]);
    link.give(says([record({ ttl: 0 })]));
    expect(link.pass(999).sent()).toEqual([]);
    expect(link.pass(1).sent()).toHaveLength(1);
  });
});

describe('whatever comes', () => {
  test('octets are a message that is understood, or nothing', () => {
    const link = settled();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (octets, legacy) => {
        link.give({ kind: 'message', octets, from: { ...host, port: legacy ? 1 : 5353 } });
        expect(link.state.held).toHaveLength(1);
      }),
    );
  });

  test('messages that are written are read as they were', () => {
    const name = fc.constantFrom('a.local', 'hithe.local', `${'x'.repeat(63)}.local`);
    const bits = fc.integer({ min: 0, max: 0xffff });
    const any = fc.record({
      ...{ id: bits, isResponse: fc.boolean(), additional: fc.constant([]), authorities: fc.constant([]) },
      questions: fc.array(
        fc.record({ name, type: bits, class: fc.integer({ min: 0, max: 0x7fff }), unicast: fc.boolean() }),
        { maxLength: 5 },
      ),
      answers: fc.array(
        fc.record({
          ...{ name, type: bits, class: fc.integer({ min: 0, max: 0x7fff }), isOnly: fc.boolean() },
          ...{ ttl: fc.integer({ min: 0, max: 0xffff_ffff }), data: fc.uint8Array({ maxLength: 40 }) },
        }),
        { maxLength: 5 },
      ),
    });
    fc.assert(
      fc.property(any, (message) => {
        expect(readMessage(writeMessage(message))).toEqual(message);
      }),
    );
  });

  test.each([limits.nameRecords, limits.nameRecords + 1])('%i records', (count) => {
    const asked = asks(Array.from({ length: count }, () => question()));
    expect(settled().give(asked).sent()).toHaveLength(count > limits.nameRecords ? 0 : 1);
  });

  test('a link without addresses says nothing', () => {
    const link = begun({ ...own, addresses: [] });
    expect(
      link
        .pass(60_000)
        .give(asks([question()]))
        .sent(),
    ).toEqual([]);
    expect(link.names()).toEqual([]);
  });
});
