import type { Lease } from '../lease.ts';
import { parseLease } from '../lease.ts';
import { limits } from '../limits.ts';

/** Whether a device takes part in the packet network (3GPP TS 27.007 § 10.1.20 and § 10.1.22, `<stat>`). */
export type Registration = 'none' | 'home' | 'searching' | 'denied' | 'unknown' | 'roaming';
const registrations: readonly Registration[] = ['none', 'home', 'searching', 'denied', 'unknown', 'roaming'];

/** What stands in the way of the SIM (3GPP TS 27.007 § 8.3, `<code>`). */
export type SimState = 'ready' | 'pin' | 'puk' | 'other';

/** Puts the lines of a serial line together. One that is too long to be an answer is dropped whole. */
export class LineReader {
  #begun = '';
  #tooLong = false;

  /** The lines that `text` ends, without empty ones. */
  take(text: string): readonly string[] {
    const parts = text.split(/[\r\n]+/);
    const rest = parts.pop() ?? '';
    const lines = parts.flatMap((part) => {
      this.#add(part);
      const line = this.#tooLong ? '' : this.#begun.trim();
      [this.#begun, this.#tooLong] = ['', false];
      return line === '' ? [] : [line];
    });
    this.#add(rest);
    return lines;
  }

  #add(part: string): void {
    this.#tooLong ||= this.#begun.length + part.length > limits.modemLine;
    this.#begun = this.#tooLong ? '' : this.#begun + part;
  }
}

/** How a command ended (ITU-T V.250 § 5.7.1, 3GPP TS 27.007 § 9.2), or null for a line that ends none. */
export function finalResult(line: string): 'ok' | 'refused' | null {
  if (line === 'OK') return 'ok';
  return /^(ERROR|NO CARRIER|COMMAND NOT SUPPORT|\+CM[ES] ERROR: ?.*)$/.test(line) ? 'refused' : null;
}

/** The values of the first line of an answer that begins with `+NAME:`; texts without their quotes. */
function valuesOf(name: string, lines: readonly string[]): readonly string[] | null {
  const prefix = `+${name}:`;
  const line = lines.find((each) => each.startsWith(prefix));
  if (line === undefined) return null;
  const values = line.slice(prefix.length).match(/"[^"]*"|[^,"]+|(?<=,)(?=,|$)/g) ?? [];
  return values.map((value) => value.trim().replaceAll('"', ''));
}

function numberAt(values: readonly string[] | null, index: number): number | null {
  const text = values?.[index] ?? '';
  return /^\d{1,5}$/.test(text) ? Number(text) : null;
}

/** Of `AT+CPIN?`. */
export function readSim(lines: readonly string[]): SimState | null {
  const [state] = valuesOf('CPIN', lines) ?? [];
  if (state === undefined) return null;
  if (state === 'READY') return 'ready';
  if (state === 'SIM PIN') return 'pin';
  return state === 'SIM PUK' ? 'puk' : 'other';
}

/** Of `AT+CEREG?` or `AT+CGREG?`. */
export function readRegistration(lines: readonly string[]): Registration | null {
  const stat = numberAt(valuesOf('CEREG', lines) ?? valuesOf('CGREG', lines), 1);
  return stat === null ? null : (registrations[stat] ?? 'unknown');
}

/** Of `AT+CSQ` (§ 8.5), in dBm: -113 to -51. Null where it is not known. */
export function readSignal(lines: readonly string[]): number | null {
  const strength = numberAt(valuesOf('CSQ', lines), 0);
  return strength === null || strength > 31 ? null : -113 + 2 * strength;
}

/** Of `AT+COPS?` (§ 7.3): a name for people, of which only plain characters are kept. */
export function readOperator(lines: readonly string[]): string | null {
  const name = (valuesOf('COPS', lines)?.[2] ?? '').replace(/[^\p{L}\p{N} .,&'()+-]/gu, '').trim();
  return name === '' ? null : name.slice(0, limits.modemOperator);
}

/** Of `AT+CGACT?` (§ 10.1.10): whether a context is active. */
export function readActive(lines: readonly string[], context: number): boolean {
  return lines.some((line) => {
    const values = valuesOf('CGACT', [line]);
    return numberAt(values, 0) === context && numberAt(values, 1) === 1;
  });
}

/**
 * Of `AT+CGCONTRDP` (§ 10.1.23): address with mask in dots, gateway and name servers, which a lease of DHCP has too, and
 * which are trusted no more. Null where there is no usable address.
 */
export function readAddress(lines: readonly string[]): Lease | null {
  const [, , , local = '', gateway = '', ...servers] = valuesOf('CGCONTRDP', lines) ?? [];
  const octets = local.split('.');
  const ip = octets.slice(0, 4).join('.');
  // Without a mask, or without a gateway, the link is one between two points.
  const length = octets.length === 8 ? prefixLength(octets.slice(4)) : 32;
  if (length === null) return null;
  const text = [
    'event=bound',
    `ip=${ip}`,
    `mask=${length}`,
    `router=${gateway === '' ? ip : gateway}`,
    `dns=${servers.slice(0, 2).join(' ')}`,
  ].join('\n');
  const parsed = parseLease(text);
  if (!parsed.ok || parsed.value.event !== 'bound') return null;
  const { lease } = parsed.value;
  return gateway === '' ? { ...lease, routes: [{ destination: 'default', gateway: null }] } : lease;
}

function prefixLength(mask: readonly string[]): number | null {
  const bits = mask.map((octet) => Number(octet).toString(2).padStart(8, '0')).join('');
  const [, ones] = /^(1*)0*$/.exec(bits) ?? [];
  return bits.length === 32 && ones !== undefined && ones !== '' ? ones.length : null;
}
