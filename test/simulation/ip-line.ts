import type { Locator } from '../../firmware/hip/locator.ts';

type Ends = { readonly from: string; readonly to: string };
type Limit = { readonly seconds: number; readonly bytes: number; readonly packets: number };
/** Infinity where a line sets none. */
export type Limits = { readonly soft: Limit; readonly hard: Limit };

/** What `xfrm state add` says of a security association. */
export type IpState = {
  readonly spi: number;
  readonly from: Locator;
  readonly to: Locator;
  readonly reqid: number;
  /** All its keys, as hexadecimal text. */
  readonly key: string;
  /** The HITs that BEET gives its packets. */
  readonly selector: Ends;
  readonly replayWindow: number;
  readonly limits: Limits;
  /** The last sequence number that was sent, or the greatest that was received. */
  sequence: number;
};

/** A line of `ip -batch -`. Lines about devices, addresses and routes are `other`. */
export type IpLine =
  | {
      readonly command: 'xfrm state add' | 'xfrm state update';
      readonly state: IpState;
    }
  | { readonly command: 'xfrm state delete'; readonly destination: string; readonly spi: number }
  | {
      readonly command: 'xfrm policy update' | 'xfrm policy delete';
      readonly direction: string;
      readonly from: string;
      readonly to: string;
      /** Undefined for a policy that blocks. */
      readonly template: (Ends & { readonly reqid: number | undefined }) | undefined;
    }
  | { readonly command: 'xfrm state count' | 'xfrm state flush' | 'xfrm policy flush' | 'other' };

/** Reads what the overlay's renderers write. Throws for an XFRM line that it does not know: then it must learn it. */
export function readIpLine(text: string): IpLine {
  if (!text.startsWith('xfrm ')) return { command: 'other' };
  const words = text.split(' ');
  const command = words.slice(0, 3).join(' ');
  // `src` and `dst` stand in a state, in its selector and in a template: each has its own part of the line.
  const [own = '', template] = text.split(' tmpl ');
  const [outer = '', selector = ''] = own.split(' sel ');
  switch (command) {
    case 'xfrm state add':
    case 'xfrm state update':
      return { command, state: readState(outer.split(' '), outer, selector.split(' ')) };
    case 'xfrm state delete':
      return { command, destination: wordAfter(words, 'dst'), spi: Number(wordAfter(words, 'spi')) };
    case 'xfrm policy update':
    case 'xfrm policy delete': {
      const direction = wordAfter(words, 'dir');
      return {
        command,
        direction,
        ...ends(own.split(' ')),
        template: template === undefined ? undefined : readTemplate(template.split(' ')),
      };
    }
    case 'xfrm state count':
    case 'xfrm state flush':
    case 'xfrm policy flush':
      return { command };
    default:
      throw new RangeError(`the simulated kernel does not know: ${text}`);
  }
}

function readState(words: readonly string[], text: string, selector: readonly string[]) {
  const encapsulation = words.indexOf('espinudp');
  const port = (place: number) => (encapsulation === -1 ? null : Number(words[encapsulation + place]));
  const limits = (which: 'soft' | 'hard') => ({
    seconds: optional(words, `time-${which}`) ?? Number.POSITIVE_INFINITY,
    bytes: optional(words, `byte-${which}`) ?? Number.POSITIVE_INFINITY,
    packets: optional(words, `packet-${which}`) ?? Number.POSITIVE_INFINITY,
  });
  return {
    spi: Number(wordAfter(words, 'spi')),
    from: { address: wordAfter(words, 'src'), port: port(1) },
    to: { address: wordAfter(words, 'dst'), port: port(2) },
    reqid: Number(wordAfter(words, 'reqid')),
    key: [...text.matchAll(/\) 0x([0-9a-f]+)/g)].map(([, key]) => key).join(''),
    selector: ends(selector),
    replayWindow: Number(wordAfter(words, 'replay-window')),
    limits: { soft: limits('soft'), hard: limits('hard') },
    sequence: (optional(words, 'replay-oseq-hi') ?? 0) * 2 ** 32 + (optional(words, 'replay-oseq') ?? 0),
  };
}

function readTemplate(words: readonly string[]) {
  return { ...ends(words), reqid: optional(words, 'reqid') };
}

function ends(words: readonly string[]): Ends {
  return { from: wordAfter(words, 'src'), to: wordAfter(words, 'dst') };
}

function optional(words: readonly string[], name: string): number | undefined {
  return words.includes(name) ? Number(wordAfter(words, name)) : undefined;
}

function wordAfter(words: readonly string[], name: string): string {
  const place = words.indexOf(name);
  const value = place === -1 ? undefined : words[place + 1];
  if (value === undefined) throw new RangeError(`no ${name} in: ${words.join(' ')}`);
  return value;
}
