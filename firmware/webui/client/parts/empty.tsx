import type { ComponentChildren } from 'preact';

interface EmptyProps {
  title: string;
  advice?: string | undefined;
  /** The next step: a link or a button. */
  children?: ComponentChildren;
}

/** What is missing here, why, and what to do about it. */
export function Empty({ title, advice, children }: EmptyProps) {
  return (
    <div class="empty">
      <p>{title}</p>
      {advice !== undefined && <p class="quiet">{advice}</p>}
      {children}
    </div>
  );
}
