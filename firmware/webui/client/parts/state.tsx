import { Mark } from '../icons.tsx';
import type { MarkName } from '../summary.ts';

/** State is shape, word and colour together. */
export function State({ mark, word }: { mark: MarkName; word: string }) {
  return (
    <span class={`state state-${mark}`}>
      <Mark name={mark} />
      {word}
    </span>
  );
}
