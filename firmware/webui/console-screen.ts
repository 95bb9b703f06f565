import type { Status } from './api/status-schema.ts';

export interface ConsoleFacts {
  readonly status: Pick<Status, 'hostname' | 'image' | 'platform' | 'tpm' | 'identity' | 'warnings'>;
  /** Addresses that the page listens on, without prefix length. */
  readonly addresses: readonly string[];
  /** SHA-256 with colons, or null while the page is not up. */
  readonly fingerprint: string | null;
  /** Null once the box is claimed. */
  readonly claimCode: string | null;
}

const width = 80;
const labelWidth = 13;

/**
 * What the console shows to a person who stands before the box: at most 80 columns of printable ASCII, so that every
 * serial terminal shows it. Values from outside (DMI strings) cannot carry control characters to the terminal.
 */
export function consoleScreen({ status, addresses, fingerprint, claimCode }: ConsoleFacts): string {
  const lines: string[] = [];
  const field = (label: string, ...values: readonly string[]) => {
    values.forEach((value, index) => {
      const lead = ` ${index === 0 ? label : ''}`.padEnd(labelWidth);
      for (const [part, text] of wrap(plain(value), width - labelWidth).entries()) {
        lines.push(`${part === 0 ? lead : ' '.repeat(labelWidth)}${text}`.trimEnd());
      }
    });
  };
  const { platform, image, identity } = status;
  lines.push('='.repeat(width));
  field('Hithe', `${image.version} on ${status.hostname}`);
  lines.push('-'.repeat(width));
  // Browsers take no zone in an address (RFC 3986 has no place for it), so link-local ones are no use to a person.
  const openable = addresses.filter((address) => !address.includes('%')).map(pageUrl);
  field('Open', ...(openable.length > 0 ? openable : ['(no address yet: is a cable plugged in?)']));
  if (fingerprint !== null) field('Certificate', 'SHA-256', ...halves(fingerprint));
  if (claimCode !== null) field('Claim code', claimCode);
  field('Identity', identity.hit ?? (identity.problem === null ? '(not made yet)' : 'NONE THAT CAN BE USED'));
  if (identity.keyStorage === 'software') field('', 'SOFTWARE IDENTITY: the key is a file, not in a TPM');
  if (identity.keyStorage === 'tpm') field('', 'its key is in the TPM');
  if (identity.formerHit !== null) field('', `it was ${identity.formerHit}`);
  const product = [platform.vendor, platform.product].filter((part) => part !== null).join(' ');
  field('Platform', product === '' ? platform.platform : `${platform.platform} (${product})`);
  field('TPM', tpmLine(status.tpm));
  for (const warning of status.warnings) field('WARNING', warning.message, warning.advice);
  lines.push('='.repeat(width));
  return `${lines.join('\n')}\n`;
}

/** The address as a browser takes it (RFC 3986 § 3.2.2 puts IPv6 in brackets). */
export function pageUrl(address: string): string {
  return address.includes(':') ? `https://[${address}]/` : `https://${address}/`;
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

/** 95 characters do not fit one line; two of 16 octets are also easier to compare. */
function halves(fingerprint: string): string[] {
  const octets = fingerprint.split(':');
  return [octets.slice(0, 16).join(':'), octets.slice(16).join(':')].filter((half) => half !== '');
}

function plain(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}

function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    let rest = word;
    if (line !== '' && line.length + 1 + rest.length > columns) {
      lines.push(line);
      line = '';
    }
    while (rest.length > columns) {
      lines.push(rest.slice(0, columns));
      rest = rest.slice(columns);
    }
    line = line === '' ? rest : `${line} ${rest}`;
  }
  lines.push(line);
  return lines;
}
