import { Mark } from '../icons.tsx';
import type { MarkName } from '../summary.ts';

interface AnswerProps {
  mark: MarkName;
  /** One sentence: how things are. */
  sentence: string;
  /** The one thing to do, where there is one. */
  advice?: string | null;
}

/** What stands at the top of a page. It is spoken when it changes. */
export function Answer({ mark, sentence, advice = null }: AnswerProps) {
  return (
    <div class="answer" role="status">
      <p class={`sentence state-${mark}`}>
        <Mark name={mark} />
        <span>{sentence}</span>
      </p>
      {/* Its place is kept, so that nothing below moves when there is something to do. */}
      <p class="advice">{advice}</p>
    </div>
  );
}
