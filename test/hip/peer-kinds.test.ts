import { describe, expect, test } from 'vitest';
import { defaultOffers, makeOffers, type Offers } from '../../firmware/hip/suites.ts';
import { checkExchange } from './naive-check.ts';
import {
  type IdentityKind,
  identityKinds,
  publicValueOf,
  recordExchange,
  recordedHosts,
} from './recorded-exchange.ts';
import { Host, newSigner } from './two-hosts.ts';

/**
 * An exchange in which the recorded host starts or answers, checked by the second implementation from its private value
 * alone: every signature, MAC, hash and key of both ends.
 */
async function checked(
  kinds: { recorded: IdentityKind; other: IdentityKind },
  offers: Offers,
  recordedStarts: boolean,
) {
  const privateValues = new Map<string, Buffer>();
  const [recorded, other] = await recordedHosts(kinds, offers, privateValues);
  const [initiator, responder] = recordedStarts ? [recorded, other] : [other, recorded];
  const { packets, esp } = await recordExchange(initiator, responder);
  expect([initiator.state.name, responder.state.name]).toEqual(['ESTABLISHED', 'R2-SENT']);
  const value = privateValues.get(publicValueOf(recordedStarts ? packets.i2 : packets.r1));
  if (value === undefined) throw new Error('the private value was not recorded');
  const side = recordedStarts ? 'initiator' : 'responder';
  const secrets = await checkExchange(packets, { side, value });
  const suite = esp.initiator.inbound?.suite;
  const sentBy = (sender: 'initiator' | 'responder') => ({
    ...{ spi: secrets.spis[sender === 'initiator' ? 'responder' : 'initiator'], suite },
    ...secrets.esp[sender],
  });
  expect(esp).toEqual({
    initiator: { inbound: sentBy('responder'), outbound: sentBy('initiator') },
    responder: { inbound: sentBy('initiator'), outbound: sentBy('responder') },
  });
  return suite;
}

const roles = [true, false];

describe('RFC 7401 §5.2.10 and RFC 9374 §3.4: peers of every HIT suite', () => {
  test.each(identityKinds.flatMap((kind) => roles.map((peerStarts) => [kind, peerStarts] as const)))(
    '%s, peer starts: %s',
    async (kind, peerStarts) => {
      // The peer's private value serves once, ours the other time.
      await checked({ recorded: kind, other: 'P-256' }, defaultOffers, peerStarts);
      await checked({ recorded: 'P-256', other: kind }, defaultOffers, !peerStarts);
    },
  );
});

describe('RFC 7401 §5.2.7: every Diffie-Hellman group', () => {
  test.each([3, 4, 7, 8, 9, 11] as const)('%i', async (group) => {
    const kinds = { recorded: 'P-256', other: 'P-256' } as const;
    for (const starts of roles) await checked(kinds, makeOffers({ groups: [group] }), starts);
  });
});

describe('RFC 7401 §5.2.8 and RFC 7402 §5.1.2: every cipher and ESP suite', () => {
  const kinds = { recorded: 'P-256', other: 'P-256' } as const;
  test.each(['aes-256-cbc', 'aes-128-cbc'] as const)('%s for ENCRYPTED', async (cipher) => {
    await checked(kinds, makeOffers({ ciphers: [cipher] }), true);
  });

  test.each(['aes-gcm-16', 'aes-128-cbc-hmac-sha-256', 'aes-256-cbc-hmac-sha-256', 'aes-ccm-16'] as const)(
    '%s for ESP',
    async (suite) => {
      expect(await checked(kinds, makeOffers({ suites: [suite] }), true)).toBe(suite);
    },
  );

  test('NULL for both, where it is allowed and nothing else is offered', async () => {
    const offers = makeOffers({ ciphers: [], suites: [], allowNullEncryption: true });
    expect(await checked(kinds, offers, true)).toBe('null-hmac-sha-256');
  });

  test('RFC 7401 §5.2.8: NULL is neither offered nor taken unless it is allowed, and then it comes last', async () => {
    const names = ({ ciphers, espSuites }: Offers) => [...ciphers, ...espSuites].map(({ name }) => name);
    expect(names(defaultOffers).filter((name) => name.startsWith('null'))).toEqual([]);
    const allowing = makeOffers({ allowNullEncryption: true });
    expect([allowing.ciphers.at(-1)?.name, allowing.espSuites.at(-1)?.name]).toEqual([
      'null',
      'null-hmac-sha-256',
    ]);
    // One end has nothing else, the other does not take it: no association, whoever starts.
    const nullOnly = makeOffers({ ciphers: [], suites: [], allowNullEncryption: true });
    for (const nullStarts of roles) {
      const [strict, loose] = [
        new Host(newSigner(), '192.0.2.1'),
        new Host(newSigner(), '192.0.2.2', { offers: nullOnly }),
      ];
      strict.meet(loose);
      loose.meet(strict);
      const [initiator, responder] = nullStarts ? [loose, strict] : [strict, loose];
      await responder.prepareR1s();
      const [i1 = new Uint8Array()] = await initiator.packets({ type: 'connect', to: responder.locator });
      const [r1 = new Uint8Array()] = await responder.receive(i1, initiator);
      await initiator.receive(r1, responder);
      expect([initiator.state.name, responder.state.name]).toEqual(['I1-SENT', 'UNASSOCIATED']);
    }
  });
});
