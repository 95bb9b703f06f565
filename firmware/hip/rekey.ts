import { equalBytes } from '../bytes/bytes.ts';
import type { AssociationContext, AssociationEffect } from './association.ts';
import type { Association, DrawnKeys, PeerRekey, Rekey } from './association-contents.ts';
import { espKeyLength } from './key-material.ts';
import { limits } from './limits.ts';
import { type Packet, parameter, parametersNamed } from './packet.ts';
import type { ParameterOf } from './parameter-fields.ts';

/** When ESP keys that are drawn at `now` are to be replaced. */
export function rekeyTime(now: number, { crypto, rekeyMs = limits.rekeyMs }: AssociationContext): number {
  const spread = ((crypto.random(1)[0] ?? 0) / 255) * limits.rekeySpread;
  return now + Math.round(rekeyMs * (1 - spread));
}

/** Asks for new ESP keys (RFC 7402 §6.8); one request at a time. */
export function requestRekey(
  association: Association,
  now: number,
  context: AssociationContext,
): Association {
  if (association.rekey !== undefined) return association;
  return { ...association, rekey: ownHalf(association, undefined, now, context) };
}

/** Our half of a rekey: of our own, or in answer to the peer's (RFC 7402 §6.9.1). */
function ownHalf(
  association: Association,
  theirs: PeerRekey | undefined,
  now: number,
  { crypto, newSpi }: AssociationContext,
): Rekey {
  const { agreement, keymat, keymatIndex, suite, draws } = association;
  const index = Math.max(keymatIndex, theirs?.keymatIndex ?? 0);
  // A new Diffie-Hellman key answers a new one, so that neither old one has a part in the new keys.
  const renews =
    theirs?.publicValue !== undefined ||
    draws >= limits.drawsPerAgreement ||
    keymat.espKeys(suite, index) === undefined;
  return {
    localSpi: newSpi(),
    ...(renews
      ? { keymatIndex: 0, keyPair: crypto.generateKeyPair(agreement.keyPair.group) }
      : { keymatIndex: index }),
    acknowledged: false,
    deadline: now + limits.rekeyFinishMs,
  };
}

/**
 * The peer's half of a rekey in an UPDATE (RFC 7402 §6.9, RFC 8046 §5.3): undefined where the UPDATE asks for none, and
 * a reason where it must not be processed.
 */
export function peerHalf(
  { peerSpi, agreement }: Association,
  update: Packet,
): PeerRekey | undefined | { readonly refusal: string } {
  const [info, ...more] = parametersNamed(update, 'ESP_INFO');
  const theirs = parameter(update, 'DIFFIE_HELLMAN');
  if (more.length > 0) return { refusal: 'UPDATE has more than one ESP_INFO' };
  if (info === undefined)
    return theirs === undefined ? undefined : { refusal: 'UPDATE has a Diffie-Hellman key and no ESP_INFO' };
  // Named for others' sake, or asked for once more after it was done.
  if (info.newSpi === peerSpi) return undefined;
  // An SPI that is being deprecated has a new one of zero, and we have no other pair to go on with.
  if (info.newSpi < limits.smallestSpi) return { refusal: 'UPDATE has no usable SPI' };
  if (info.oldSpi !== peerSpi && info.oldSpi !== 0) return { refusal: 'UPDATE replaces an unknown SPI' };
  if (theirs === undefined) return { spi: info.newSpi, keymatIndex: info.keymatIndex };
  if (info.keymatIndex !== 0 || theirs.group !== agreement.keyPair.group)
    return { refusal: 'UPDATE has a Diffie-Hellman key that does not fit' };
  return { spi: info.newSpi, keymatIndex: 0, publicValue: theirs.publicValue.slice() };
}

/**
 * Joins the peer's half to ours, which is made if there is none. Both together give the keys, and the inbound security
 * association is there before the peer can learn that it may use it: whichever UPDATE of ours acknowledges this one goes
 * out after it. Undefined where no keys can be drawn.
 */
export function joinRekey(
  association: Association,
  theirs: PeerRekey,
  now: number,
  context: AssociationContext,
): { readonly association: Association; readonly effects: readonly AssociationEffect[] } | undefined {
  const ours = association.rekey ?? ownHalf(association, theirs, now, context);
  const drawn = draw(association, ours, theirs);
  if (drawn === undefined) return undefined;
  if (ours.theirs !== undefined && ours.drawn !== undefined && givesSameKeys(ours.theirs, theirs))
    return { association: { ...association, rekey: { ...ours, theirs } }, effects: [] };
  const joined: Association = { ...association, rekey: { ...ours, theirs, drawn } };
  return { association: joined, effects: installRekeyed(joined, ours.drawn !== undefined) };
}

/** The inbound security association of a rekey that both halves are known of, in the place of an earlier one of that SPI. */
export function installRekeyed(
  { rekey, suite, candidate, locator }: Association,
  isThere: boolean,
): readonly AssociationEffect[] {
  if (rekey?.drawn === undefined) return [];
  const { localSpi: spi, drawn } = rekey;
  return [
    ...(isThere ? [{ type: 'remove-inbound' as const, spi }] : []),
    {
      type: 'install-inbound',
      association: { spi, suite, keys: drawn.incoming, from: candidate ?? locator },
    },
  ];
}

/** A peer may start its request over, with other keys in mind or with the same. */
function givesSameKeys(left: PeerRekey, right: PeerRekey): boolean {
  const none = new Uint8Array();
  return (
    left.keymatIndex === right.keymatIndex && equalBytes(left.publicValue ?? none, right.publicValue ?? none)
  );
}

/** The keys that both halves give (RFC 7402 §6.10, steps 1 to 3). */
function draw(association: Association, ours: Rekey, theirs: PeerRekey): DrawnKeys | undefined {
  const { agreement: old, keys, suite } = association;
  const isRenewed = ours.keyPair !== undefined || theirs.publicValue !== undefined;
  const agreement = {
    keyPair: ours.keyPair ?? old.keyPair,
    peerPublicValue: theirs.publicValue ?? old.peerPublicValue,
  };
  const sharedSecret = isRenewed ? agreement.keyPair.agree(agreement.peerPublicValue) : undefined;
  if (isRenewed && sharedSecret === undefined) return undefined;
  const keymat = sharedSecret === undefined ? association.keymat : keys.renewed(sharedSecret);
  const keymatIndex = isRenewed ? 0 : Math.max(ours.keymatIndex, theirs.keymatIndex);
  const drawn = keymat.espKeys(suite, keymatIndex);
  return drawn && { ...drawn, keymat, agreement, keymatIndex };
}

/**
 * Changes over once the peer has acknowledged our half and sent its own (RFC 7402 §6.10). The old inbound security
 * association stays for what is under way.
 */
export function finishRekey(
  association: Association,
  now: number,
  context: AssociationContext,
): { readonly association: Association; readonly effects: readonly AssociationEffect[] } {
  const { rekey, suite } = association;
  if (rekey?.theirs === undefined || rekey.drawn === undefined || !rekey.acknowledged)
    return { association, effects: [] };
  const { drawn, theirs, localSpi } = rekey;
  const isRenewed = drawn.keymat !== association.keymat;
  const retired = [...association.retired, { spi: association.localSpi, until: now + limits.retiredMs }];
  const surplus = retired.slice(0, Math.max(0, retired.length - limits.retiredCount));
  return {
    association: {
      ...association,
      localSpi,
      peerSpi: theirs.spi,
      keymat: drawn.keymat,
      agreement: drawn.agreement,
      keymatIndex: drawn.keymatIndex + espKeyLength(suite),
      draws: isRenewed ? 1 : association.draws + 1,
      rekeyAt: rekeyTime(now, context),
      rekey: undefined,
      retired: retired.slice(surplus.length),
    },
    effects: [
      {
        type: 'install-outbound',
        association: { spi: theirs.spi, suite, keys: drawn.outgoing, to: association.locator },
        replaces: association.peerSpi,
      },
      ...surplus.map(({ spi }): AssociationEffect => ({ type: 'remove-inbound', spi })),
      {
        type: 'report',
        level: 'info',
        message: isRenewed ? 'new ESP keys from a new Diffie-Hellman secret' : 'new ESP keys',
      },
    ],
  };
}

/** What an UPDATE of ours says about its rekey. */
export function ownEspInfo({ localSpi }: Association, rekey: Rekey): ParameterOf<'ESP_INFO'> {
  return { name: 'ESP_INFO', keymatIndex: rekey.keymatIndex, oldSpi: localSpi, newSpi: rekey.localSpi };
}
