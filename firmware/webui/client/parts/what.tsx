import { texts } from '../texts.ts';

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
