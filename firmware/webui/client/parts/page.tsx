import type { ComponentChildren } from 'preact';
import { texts } from '../texts.ts';
import { What } from './what.tsx';

interface Term {
  readonly term: string;
  readonly meaning: string;
}

interface PageProps {
  name: keyof typeof texts.pages;
  what?: Term;
  /** For those who hear the page: the sentence is heading enough for those who see it. */
  headingUnseen?: boolean;
  children: ComponentChildren;
}

/** A page: its heading, which has the focus after the page was changed, and what stands below. */
export function Page({ name, what, headingUnseen = false, children }: PageProps) {
  return (
    <section id={name} class="page" aria-labelledby={`${name}-title`}>
      <div class={headingUnseen ? 'only-read' : 'section-head'}>
        <h1 id={`${name}-title`} tabIndex={-1}>
          {texts.pages[name]}
        </h1>
        {what !== undefined && <What {...what} />}
      </div>
      {children}
    </section>
  );
}

interface SectionProps {
  /** Also its place in the address: `/system#log`. */
  id: string;
  title: string;
  what?: Term;
  children: ComponentChildren;
}

/** A part of a page with a heading of its own. */
export function Section({ id, title, what, children }: SectionProps) {
  return (
    <section id={id} aria-labelledby={`${id}-title`}>
      <div class="section-head">
        <h2 id={`${id}-title`}>{title}</h2>
        {what !== undefined && <What {...what} />}
      </div>
      {children}
    </section>
  );
}
