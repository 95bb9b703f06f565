import type { Status } from '../webui/api/status-schema.ts';
import type { ConsoleFacts } from './console-facts.ts';
import { limits } from './limits.ts';
import { Screen } from './screen.ts';

/** What the console shows as long as nobody touches it: answers first, and what matters least is cut off. */
export function statusScreen(facts: ConsoleFacts): readonly string[] {
  const { status, addresses, fingerprint, claimCode } = facts;
  const { image, identity } = status;
  const screen = new Screen(`Hithe ${image.version} on ${status.hostname}`, 'Enter: menu');
  // Browsers take no zone in an address (RFC 3986 has no place for it), so link-local ones are no use to a person.
  const openable = addresses
    .filter((address) => !address.includes('%'))
    .slice(0, limits.shownAddresses)
    .map(pageUrl);
  screen.field('Open', ...(openable.length > 0 ? openable : ['(no address yet: is a cable plugged in?)']));
  if (fingerprint !== null) screen.field('Certificate', ...halves(fingerprint));
  if (claimCode !== null) screen.field('Claim code', claimCode);
  screen.field(
    'Identity',
    identity.hit ?? (identity.problem === null ? '(not made yet)' : 'NONE THAT CAN BE USED'),
  );
  if (identity.keyStorage === 'software')
    screen.field('', 'SOFTWARE IDENTITY: the key is a file, not in a TPM');
  if (identity.keyStorage === 'tpm') screen.field('', 'its key is in the TPM');
  if (identity.formerHit !== null) screen.field('', `it was ${identity.formerHit}`);
  screen.field('TPM', tpmLine(status.tpm));
  screen.field('Boot', facts.measuredBoot ?? 'not looked at yet');
  screen.field('Tunnels', tunnelLine(status.tunnels));
  screen.field('Platform', platformLine(status.platform));
  if (status.alarms.length > 0) screen.field('ALARMS', status.alarms.map(({ kind }) => kind).join(', '));
  for (const { message, advice } of status.warnings) screen.field('WARNING', message, advice);
  return screen.lines();
}

/** The address as a browser takes it (RFC 3986 § 3.2.2 puts IPv6 in brackets). */
export function pageUrl(address: string): string {
  return address.includes(':') ? `https://[${address}]/` : `https://${address}/`;
}

function platformLine({ platform, vendor, product }: Status['platform']): string {
  const words = [vendor, product].filter((part) => part !== null).join(' ');
  return words === '' ? platform : `${platform} (${words})`;
}

function tpmLine(tpm: Status['tpm']): string {
  switch (tpm.state) {
    case 'present':
      return `${tpm.manufacturer} ${tpm.firmwareVersion}, ${tpm.quote.verified ? 'quote verified' : 'QUOTE NOT VERIFIED'}`;
    case 'pending':
      return 'looking for it';
    case 'absent':
      return 'none found';
    case 'failed':
      return `failed: ${tpm.reason}`;
  }
}

function tunnelLine(tunnels: Status['tunnels']): string {
  if (tunnels.length === 0) return 'no peers in the settings';
  const up = tunnels.filter(({ establishedAt }) => establishedAt !== null);
  const down = tunnels.filter(({ establishedAt, connect }) => establishedAt === null && connect === 'always');
  const names = down.map(({ peer }) => peer).join(', ');
  return `${up.length} of ${tunnels.length} up${names === '' ? '' : `; DOWN: ${names}`}`;
}

/** 95 characters do not fit one line; two of 16 octets are also easier to compare. */
function halves(fingerprint: string): string[] {
  const octets = fingerprint.split(':');
  return [octets.slice(0, 16).join(':'), octets.slice(16).join(':')].filter((half) => half !== '');
}
