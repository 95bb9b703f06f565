/**
 * An address, with or without a prefix length, as the kernel prints it: IPv6 has many spellings (RFC 5952), and what is
 * compared as text has to have one.
 */
export function canonicalAddress(text: string): string {
  const [address = '', length] = text.split('/');
  const url = `http://[${address}]/`;
  const canonical = URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : address;
  return length === undefined ? canonical : `${canonical}/${length}`;
}
