import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { digestGroups, formatAbsolute, formatDuration, hitGroups, shortHit } from './format.ts';
import { CopyIcon, Mark } from './icons.tsx';
import type { MarkName } from './summary.ts';
import { texts } from './texts.ts';
import { useBoxNow } from './use-now.ts';

/** State is shape, word and colour together. */
export function State({ mark, word }: { mark: MarkName; word: string }) {
  return (
    <span class={`state state-${mark}`}>
      <Mark name={mark} />
      {word}
    </span>
  );
}

interface SectionProps {
  id: keyof typeof texts.sections;
  what?: { readonly term: string; readonly meaning: string };
  children: ComponentChildren;
}

export function Section({ id, what, children }: SectionProps) {
  return (
    <section id={id} aria-labelledby={`${id}-title`}>
      <div class="section-head">
        <h2 id={`${id}-title`}>{texts.sections[id]}</h2>
        {what !== undefined && <What {...what} />}
      </div>
      {children}
    </section>
  );
}

/** A field term, explained to who asks. */
export function What({ term, meaning }: { term: string; meaning: string }) {
  return (
    <details class="what">
      <summary class="what-mark" aria-label={texts.what(term)}>
        <span aria-hidden="true">?</span>
      </summary>
      <p>{meaning}</p>
    </details>
  );
}

/** Facts by name; a name with its value in a row, one below the other on a phone. */
export function Facts({ children }: { children: ComponentChildren }) {
  return <dl class="facts">{children}</dl>;
}

export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** What is missing here, why, and what to do about it. */
export function Empty({ title, advice }: { title: string; advice?: string | undefined }) {
  return (
    <div class="empty">
      <p>{title}</p>
      {advice !== undefined && <p class="quiet">{advice}</p>}
    </div>
  );
}

export function Ago({ iso }: { iso: string }) {
  const now = useBoxNow();
  const at = Date.parse(iso);
  return (
    <time dateTime={iso} title={formatAbsolute(at)}>
      {texts.ago(formatDuration((now - at) / 1000))}
    </time>
  );
}

function CopyButton({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      return;
    }
    setCopied(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setCopied(false), 2000);
  };
  return (
    <button type="button" class="copy" aria-label={label} title={label} onClick={() => void copy()}>
      <CopyIcon done={copied} />
      <span class="only-read" role="status">
        {copied ? texts.copied : ''}
      </span>
    </button>
  );
}

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

export function Digest({ hex, label }: { hex: string; label: string }) {
  return (
    <span class="digest">
      <code class="groups">{digestGroups(hex).join(' ')}</code>
      <CopyButton text={hex} label={label} />
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

/** The last minute of a rate. The number beside it says how much, so it has no axes. */
export function Sparkline({ values }: { values: readonly number[] }) {
  const top = Math.max(...values, 1);
  const points = values.map(
    (value, index) => `${60 - (values.length - 1 - index) * 2},${(15 - (value / top) * 14).toFixed(1)}`,
  );
  return (
    <svg class="sparkline" viewBox="0 0 60 16" preserveAspectRatio="none" aria-hidden="true">
      {points.length > 1 && <polyline points={points.join(' ')} />}
    </svg>
  );
}
