import { describe, expect, test, vi } from 'vitest';
import { limits } from '../../firmware/hip/limits.ts';
import type { Locator } from '../../firmware/hip/locator.ts';
import { parameter } from '../../firmware/hip/packet.ts';
import type { AnnouncedLocator } from '../../firmware/hip/parameter-fields.ts';
import { authentic, seq } from './scene.ts';
import { parsed } from './two-hosts.ts';
import { type End, established, type Wire } from './wire.ts';

const at = (address: string, port: number | null = 10500): Locator => ({ address, port });
const elsewhere = at('198.51.100.7');

/** A locator as a LOCATOR_SET of `spi` has it. */
function announced(
  spi: number,
  lastOctets: readonly number[],
  change: Partial<AnnouncedLocator> = {},
): AnnouncedLocator {
  const address = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...lastOctets);
  const plain = { kind: 'esp' as const, spi, address, trafficType: 0, preferred: false, lifetime: 3600 };
  return { ...plain, ...change } as AnnouncedLocator;
}

const moveTo = async (wire: Wire, end: End, place: Locator) => {
  end.place = place;
  await wire.settle(end, { type: 'own-addresses', addresses: [place.address], moved: true });
};

describe('RFC 8046 §3.2.2: a host moves, with new keys', () => {
  test('three UPDATEs; the peer follows once the new place has answered', async () => {
    const wire = await established();
    wire.isSteady = false;
    const [left, right] = wire.ends;
    await moveTo(wire, left, elsewhere);
    expect(wire.log).toEqual([
      'UPDATE(ESP_INFO LOCATOR_SET SEQ ECHO_REQUEST_SIGNED)',
      'UPDATE(ESP_INFO SEQ ACK ECHO_REQUEST_SIGNED ECHO_RESPONSE_SIGNED)',
      'UPDATE(ACK ECHO_RESPONSE_SIGNED)',
    ]);
    expect(right.association.locator).toEqual(elsewhere);
    expect([left.carries, right.carries]).toEqual([true, true]);
    expect(left.association.announce).toBe(false);
    const set = parameter(parsed(wire.sent[0]?.octets ?? new Uint8Array()), 'LOCATOR_SET');
    expect(set?.locators).toEqual([
      announced(left.association.localSpi, [198, 51, 100, 7], { preferred: true, lifetime: 0xffff_ffff }),
    ]);
  });

  test.each([0, 1, 2])('UPDATE %i is lost', async (lost) => {
    const wire = await established();
    wire.isSteady = false;
    wire.isLost = (_, count) => count === lost;
    await moveTo(wire, wire.ends[0], elsewhere);
    await wire.pass(2 * limits.retransmitMs);
    expect(wire.ends.map(({ carries }) => carries)).toEqual([true, true]);
    expect(wire.ends.map(({ association }) => association.outstanding)).toEqual([undefined, undefined]);
  });

  test('it moves on before the first move is known: the latest place counts', async () => {
    const wire = await established();
    wire.isSteady = false;
    const [left, right] = wire.ends;
    left.place = elsewhere;
    await wire.input(left, { type: 'own-addresses', addresses: [elsewhere.address], moved: true });
    const next = at('198.51.100.8');
    left.place = next;
    await wire.input(left, { type: 'own-addresses', addresses: [next.address], moved: true });
    await wire.deliver();
    await wire.pass(3 * limits.retransmitMs);
    expect(right.association.locator).toEqual(next);
    expect([left.carries, right.carries]).toEqual([true, true]);
    expect(left.inbound.size).toBe(2);
  });

  test.each([
    ['nothing', []],
    ['the first UPDATE that tells of the move', [1]],
    ['what it answers to the check', [2]],
  ])(
    'asked at its new place before the peer knows of the move, with %s lost: only new keys are sent there',
    async (_, lost) => {
      const wire = await established();
      wire.isSteady = false;
      wire.isLost = (__, count) => lost.includes(count);
      const [left, right] = wire.ends;
      const install = vi.spyOn(right, 'install');
      left.place = elsewhere;
      // Something that left by the new way, a keepalive say, was the first that the peer heard of it.
      await wire.input(right, { type: 'mapping', from: elsewhere });
      await wire.input(left, { type: 'own-addresses', addresses: [elsewhere.address], moved: true });
      await wire.deliver();
      await wire.pass(3 * limits.retransmitMs);
      expect([left.carries, right.carries]).toEqual([true, true]);
      expect(right.association.locator).toEqual(elsewhere);
      expect(install.mock.calls.map(([{ type }]) => type)).not.toContain('move-outbound');
    },
  );

  test('told of the same move twice, it says so once', async () => {
    const wire = await established();
    const [left] = wire.ends;
    left.place = elsewhere;
    const moved = { type: 'own-addresses', addresses: [elsewhere.address], moved: true } as const;
    wire.isSteady = false;
    await wire.input(left, moved);
    expect(await wire.input(left, moved)).toEqual([]);
  });

  test('it moves in the middle of a rekey: the inbound association is made again at the new address', async () => {
    const wire = await established();
    wire.isSteady = false;
    const [left, right] = wire.ends;
    wire.isLost = (packet) => parameter(packet, 'SEQ') === undefined;
    await wire.settle(right, { type: 'rekey' });
    expect(left.association.rekey?.drawn).toBeDefined();
    left.place = elsewhere;
    const effects = await wire.input(left, {
      type: 'own-addresses',
      addresses: [elsewhere.address],
      moved: true,
    });
    expect(effects.map(({ type }) => type)).toEqual(['remove-inbound', 'install-inbound', 'sign', 'send']);
    wire.isLost = () => false;
    await wire.deliver();
    await wire.pass(8 * limits.retransmitMs);
    expect([left.carries, right.carries]).toEqual([true, true]);
    expect(right.association.locator).toEqual(elsewhere);
  });

  test('both move at once: where neither finds the other, both give up', async () => {
    const wire = await established();
    wire.isSteady = false;
    const [left, right] = wire.ends;
    left.place = elsewhere;
    right.place = at('198.51.100.8');
    await wire.settle(left, { type: 'own-addresses', addresses: [left.place.address], moved: true });
    await wire.settle(right, { type: 'own-addresses', addresses: [right.place.address], moved: true });
    await wire.pass(40_000);
    expect(wire.ends.map(({ host }) => host.state.name)).toEqual(['UNASSOCIATED', 'UNASSOCIATED']);
    expect(wire.ends.map(({ inbound }) => inbound.size)).toEqual([0, 0]);
  });
});

describe('RFC 8046 §3.2.1 and §5.3: LOCATOR_SETs without new keys', () => {
  async function told(place: (right: End) => Locator, entries: (spi: number) => readonly AnnouncedLocator[]) {
    const wire = await established();
    wire.isSteady = false;
    const [left, right] = wire.ends;
    right.place = place(right);
    const spi = right.association.localSpi;
    const octets = await authentic(right.host, 'UPDATE', [
      { name: 'ESP_INFO', keymatIndex: 200, oldSpi: spi, newSpi: spi },
      { name: 'LOCATOR_SET', locators: entries(spi) },
      seq(0),
    ]);
    await wire.input(left, { type: 'packet', packet: parsed(octets), from: right.place });
    return { wire, left, right, octets };
  }
  const stays = ({ place }: End) => place;

  test('the peer moves: the same security association is sent elsewhere, once the echo has come back', async () => {
    const { wire, left } = await told(
      () => elsewhere,
      (spi) => [announced(spi, [198, 51, 100, 7], { preferred: true })],
    );
    const key = left.outbound?.key;
    expect([wire.log, wire.sent[0]?.to]).toEqual([['UPDATE(SEQ ACK ECHO_REQUEST_SIGNED)'], elsewhere]);
    expect(left.outbound?.to).not.toEqual(elsewhere);
    await wire.deliver();
    expect(left.outbound).toMatchObject({ to: elsewhere, key });
    expect(left.carries).toBe(true);
  });

  /** The address of whoever has this SPI, as `twoHosts` gives them. */
  const ownOctets = (spi: number) => (spi < 0x2000 ? [192, 0, 2, 1] : [192, 0, 2, 2]);

  test('an address added to the one in use is known and not gone to', async () => {
    const { wire, left } = await told(stays, (spi) => [
      announced(spi, [198, 51, 100, 9]),
      announced(spi, ownOctets(spi), { preferred: true }),
    ]);
    expect(wire.log).toEqual(['UPDATE(ACK)']);
    expect(left.association.peerLocators.length).toBe(2);
    expect(left.association.candidate).toBeUndefined();
  });

  test('a peer that knows only addresses behind its NAT is acknowledged where it is, and stays there', async () => {
    const { wire, left, right } = await told(stays, (spi) => [
      announced(spi, [10, 0, 0, 5], { preferred: true }),
    ]);
    expect(wire.log).toEqual(['UPDATE(SEQ ECHO_REQUEST_SIGNED)', 'UPDATE(ACK)']);
    expect(wire.sent.map(({ to }) => to)).toEqual([at('10.0.0.5'), right.place]);
    await wire.pass(limits.keepaliveMs);
    expect([left.association.locator, left.association.candidate]).toEqual([right.place, undefined]);
    expect(left.carries).toBe(true);
  });

  test('a preferred locator elsewhere is asked first, and not gone to without an answer', async () => {
    const { wire, left, right } = await told(stays, (spi) => [
      announced(spi, [198, 51, 100, 9], { preferred: true }),
      announced(spi, ownOctets(spi)),
    ]);
    expect(wire.sent.map(({ to }) => to)).toEqual([at('198.51.100.9'), right.place]);
    await wire.pass(20_000);
    // Nobody is there: three times, and things stay as they are.
    expect(wire.sent.filter(({ to }) => to.address === '198.51.100.9').length).toBe(
      limits.probeTransmissions,
    );
    expect([left.host.state.name, left.association.locator]).toEqual(['ESTABLISHED', right.place]);
    expect(left.association.candidate).toBeUndefined();
  });

  test.each<[string, Partial<AnnouncedLocator>, readonly number[]]>([
    ['multicast', {}, [224, 0, 0, 1]],
    ['broadcast', {}, [255, 255, 255, 255]],
    ['unspecified', {}, [0, 0, 0, 0]],
    ['link-local', {}, [169, 254, 1, 1]],
    ['IPv6 multicast', { address: Uint8Array.of(0xff, 2, ...new Uint8Array(13), 1) }, []],
    ['IPv6 link-local', { address: Uint8Array.of(0xfe, 0x80, ...new Uint8Array(13), 1) }, []],
    ['IPv6 unspecified', { address: new Uint8Array(16) }, []],
    ['without a lifetime', { lifetime: 0 }, [198, 51, 100, 9]],
    ['for HIP packets alone', { trafficType: 1 }, [198, 51, 100, 9]],
    ['bound to another SPI', { spi: 0x7777 }, [198, 51, 100, 9]],
  ])('a locator that is %s is left alone', async (_, change, octets) => {
    const { wire, left } = await told(stays, (spi) => [
      announced(spi, octets, { preferred: true, ...change }),
    ]);
    expect(left.association.peerLocators).toEqual([]);
    expect(wire.log).toEqual(['UPDATE(ACK)']);
  });

  test('a preferred locator of an unknown type is answered with LOCATOR_TYPE_UNSUPPORTED', async () => {
    const unknown = { kind: 'unknown' as const, locatorType: 9, locator: new Uint8Array(4) };
    const { wire } = await told(stays, () => [{ ...unknown, trafficType: 0, preferred: true, lifetime: 60 }]);
    expect(wire.log).toEqual(['UPDATE(ACK)', 'NOTIFY(NOTIFICATION)']);
    const notify = parsed(wire.sent[1]?.octets ?? new Uint8Array());
    expect(parameter(notify, 'NOTIFICATION')?.messageType).toBe(46);
  });

  test('a locator with a port, and one without where HIP goes over IP itself', async () => {
    const transport = { kind: 'transport' as const, port: 4500, protocol: 17, candidateKind: 0, priority: 1 };
    const { left } = await told(stays, (spi) => [
      announced(spi, [198, 51, 100, 9], { ...transport, preferred: true }),
    ]);
    expect(left.association.candidate).toEqual(at('198.51.100.9', 4500));
    const raw = await told(
      ({ place }) => ({ ...place, port: null }),
      (spi) => [announced(spi, [198, 51, 100, 9], { preferred: true })],
    );
    expect(raw.left.association.peerLocators.map(({ locator }) => locator)).toEqual([
      at('198.51.100.9', null),
    ]);
  });

  test(`at most ${limits.locators} locators are kept, the preferred one among them`, async () => {
    const { left } = await told(stays, (spi) =>
      Array.from({ length: limits.locators + 2 }, (_, index) =>
        announced(spi, [198, 51, 100, index + 1], { preferred: index === limits.locators + 1 }),
      ),
    );
    const addresses = left.association.peerLocators.map(({ locator }) => locator.address);
    expect([addresses.length, addresses[0]]).toEqual([limits.locators, `198.51.100.${limits.locators + 2}`]);
  });

  test('when the lifetime of the one in use is over, the next is asked', async () => {
    const { wire, left, right } = await told(stays, (spi) => [
      announced(spi, ownOctets(spi), { preferred: true, lifetime: 60 }),
      announced(spi, [198, 51, 100, 9], { lifetime: 3600 }),
    ]);
    await wire.pass(59_999);
    expect(left.association.locator).toEqual(right.place);
    right.place = at('198.51.100.9');
    await wire.pass(1);
    expect(left.association.locator).toEqual(right.place);
    expect(left.carries).toBe(true);
  });

  test('when the peer is silent where it was, its other places are tried in turn', async () => {
    const { wire, left, right } = await told(stays, (spi) => [
      announced(spi, ownOctets(spi), { preferred: true }),
      announced(spi, [198, 51, 100, 9]),
      announced(spi, [198, 51, 100, 10]),
    ]);
    right.place = at('198.51.100.10');
    await wire.pass(limits.deadPeerMs);
    await wire.settle(left, { type: 'traffic', sent: true, received: false });
    await wire.pass(21_000);
    expect(left.association.locator).toEqual(right.place);
    expect(left.carries).toBe(true);
  });
});

describe('RFC 8046 §5.2: what this host announces', () => {
  test('the same addresses again, or none, are no news', async () => {
    const wire = await established();
    const [left] = wire.ends;
    const addresses = [left.place.address, '2001:db8::1'];
    const told = { type: 'own-addresses', addresses, moved: false } as const;
    await wire.settle(left, told);
    expect(wire.log).toEqual([
      'UPDATE(ESP_INFO LOCATOR_SET SEQ ECHO_REQUEST_SIGNED)',
      'UPDATE(ACK ECHO_RESPONSE_SIGNED)',
    ]);
    expect(await wire.input(left, told)).toEqual([]);
    expect(await wire.input(left, { ...told, addresses: [] })).toEqual([]);
    const set = parameter(parsed(wire.sent[0]?.octets ?? new Uint8Array()), 'LOCATOR_SET');
    expect(set?.locators.map(({ preferred }) => preferred)).toEqual([true, false]);
  });

  test('what is no address is left out, and no more than a few are told', async () => {
    const wire = await established();
    const [left] = wire.ends;
    const many = Array.from({ length: limits.locators + 1 }, (_, index) => `192.0.2.${index + 10}`);
    await wire.settle(left, {
      type: 'own-addresses',
      addresses: ['nowhere', '1.2.3.256', '1.2.3', ...many],
      moved: false,
    });
    const set = parameter(parsed(wire.sent[0]?.octets ?? new Uint8Array()), 'LOCATOR_SET');
    expect(set?.locators.length).toBe(limits.locators);
  });
});
