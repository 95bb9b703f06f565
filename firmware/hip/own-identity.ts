import { Writer } from '../bytes/writer.ts';
import type { HipCrypto } from './crypto-port.ts';
import type { HostIdentity } from './host-identity.ts';
import { computeHit, type HostIdentityTag } from './host-identity-tag.ts';
import type { ParameterOf } from './parameter-fields.ts';
import { writeParameter } from './parameters.ts';

/** Who this host is in the protocol: the public half alone. Signatures come from elsewhere. */
export type OwnIdentity = {
  readonly hit: HostIdentityTag;
  readonly identity: HostIdentity;
  readonly hostId: ParameterOf<'HOST_ID'>;
  /** HOST_ID as it stands in R1, which HIP_MAC_2 covers (RFC 7401 §6.4.1). */
  readonly hostIdOctets: Uint8Array;
};

/** Names no domain: a gateway is known by its HIT. Throws for an algorithm that has no HIT suite, which is a defect. */
export function ownIdentity(identity: HostIdentity, crypto: Pick<HipCrypto, 'hash'>): OwnIdentity {
  const hit = computeHit(identity, crypto);
  if (hit === undefined) throw new RangeError(`HI algorithm ${identity.algorithm} has no HIT suite`);
  const hostId: ParameterOf<'HOST_ID'> = {
    name: 'HOST_ID',
    algorithm: identity.algorithm,
    identity: identity.octets,
    domainType: 0,
    domain: new Uint8Array(),
  };
  const writer = new Writer();
  writeParameter(writer, hostId);
  return { hit, identity, hostId, hostIdOctets: writer.finish() };
}
