import type { StatusUpdate } from '../../../api/status-schema.ts';
import type { Interface } from '../network/network-facts.ts';
import { ownAddresses, ownUri } from '../overlay/own-identity.tsx';

export const stepNames = ['code', 'password', 'ports', 'internet', 'peers'] as const;
export type StepName = (typeof stepNames)[number];
export type StepOrDone = StepName | 'done';

/**
 * What is done, told by the box itself and by nothing that a browser keeps: so the first use can be left, and gone on with
 * on another device.
 */
export function stepsDone(status: StatusUpdate): Readonly<Record<StepName, boolean>> {
  const uplinks = uplinksOf(status);
  return {
    code: status.claimed,
    password: status.claimed,
    ports: uplinks.some(({ link }) => link === 'up'),
    internet: uplinks.some(reachesOut),
    peers: status.tunnels.length > 0,
  };
}

/** The step that the address names, as far as it can be there: without the claim there is nothing else to do. */
export function stepFor(asked: string, status: StatusUpdate, codeTyped: boolean): StepOrDone {
  if (!status.claimed) return asked === 'password' && codeTyped ? 'password' : 'code';
  const steps: readonly StepOrDone[] = ['ports', 'internet', 'peers', 'done'];
  const named = steps.find((step) => step === asked);
  if (named !== undefined) return named;
  const done = stepsDone(status);
  return stepNames.find((step) => !done[step]) ?? 'done';
}

export function nextStep(step: StepName): StepOrDone {
  return stepNames[stepNames.indexOf(step) + 1] ?? 'done';
}

export function uplinksOf(status: StatusUpdate): readonly Interface[] {
  return status.network.interfaces.filter(({ role }) => role === 'underlay');
}

/** Somebody beyond the box's own cable answered. */
function reachesOut({ uplink }: Interface): boolean {
  const look = uplink?.look ?? null;
  return look !== null && (look.names === true || look.destinations.answered + look.peers.answered > 0);
}

/** Where peers find this box, as they write it in their settings; null as long as it has no identity or no address. */
export function firstOwnUri({ network, identity: { hit } }: StatusUpdate): string | null {
  const [address] = ownAddresses(network);
  return address === undefined || hit === null ? null : ownUri(address, hit);
}

/** The claim code of a QR code or a link: `#code=4KQ7-9XZM`, or the code alone. It never stands in the query, which is sent. */
export function codeFromFragment(fragment: string): string {
  const code = fragment.replace(/^#(code=)?/, '').replaceAll('%20', ' ');
  return /^[0-9a-z][0-9a-z\s-]{6,14}$/i.test(code) ? code : '';
}
