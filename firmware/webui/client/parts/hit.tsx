import { hitGroups, shortHit } from '../format.ts';
import { CopyButton } from './copy-button.tsx';

/** A HIT short, to be copied whole. */
export function Hit({ hit, label }: { hit: string; label: string }) {
  return (
    <span class="hit">
      <Identicon hit={hit} />
      <code title={hit}>{shortHit(hit)}</code>
      <CopyButton text={hit} label={label} />
    </span>
  );
}

/** A HIT whole, its groups apart, for comparing by eye. */
export function WholeHit({ hit, label }: { hit: string; label: string }) {
  return (
    <span class="hit">
      <Identicon hit={hit} />
      <code class="groups">{hitGroups(hit).join(':')}</code>
      <CopyButton text={hit} label={label} />
    </span>
  );
}

/** Five by five fields, mirrored, from the last octets of the HIT: what is equal looks equal at a glance. */
function Identicon({ hit }: { hit: string }) {
  const bits = BigInt(
    `0x0${hitGroups(hit)
      .slice(4)
      .join('')
      .replace(/[^0-9a-f]/gi, '')}`,
  );
  const fields: string[] = [];
  for (let index = 0; index < 15; index++) {
    if (((bits >> BigInt(index * 4)) & 1n) === 0n) continue;
    const column = Math.floor(index / 5);
    const row = index % 5;
    for (const x of new Set([column, 4 - column])) fields.push(`M${x} ${row}h1v1h-1z`);
  }
  return (
    <svg class="identicon" viewBox="-0.5 -0.5 6 6" aria-hidden="true">
      <path d={fields.join('')} />
    </svg>
  );
}
