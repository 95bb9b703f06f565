import type { MarkName } from './summary.ts';
import type { texts } from './texts.ts';

/** ● up, ◐ degraded, ○ down or off, ▲ attention: told apart without colour, and always with a word. */
export function Mark({ name }: { name: MarkName }) {
  return (
    <svg class="mark" viewBox="0 0 12 12" aria-hidden="true">
      {marks[name]}
    </svg>
  );
}

const ring = <circle class="ring" cx="6" cy="6" r="4.25" />;
const marks = {
  up: <circle cx="6" cy="6" r="5" />,
  degraded: (
    <>
      {ring}
      <path d="M6 1.5a4.5 4.5 0 0 0 0 9z" />
    </>
  ),
  down: ring,
  off: ring,
  attention: <path d="M6 .8 11.6 11H.4z" />,
};

const strokes: Record<keyof typeof texts.pages | 'more' | 'user', string> = {
  overview: 'M3 10.5 10 4l7 6.5M5 9v7h10V9',
  network: 'M3.5 4.5h13v9h-3v2h-7v-2h-3zM7 4.5v3M10 4.5v3M13 4.5v3',
  overlay:
    'M6 10a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0ZM19 10a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0ZM6 10h8M9 8l2 2-2 2',
  trust: 'M10 2.5 16 5v4.5c0 4-2.6 6.6-6 8-3.4-1.4-6-4-6-8V5zM7.2 9.8l2 2 3.6-3.8',
  devices: 'M6 6h8v8H6zM8 3v3M12 3v3M8 14v3M12 14v3M3 8h3M3 12h3M14 8h3M14 12h3',
  system: 'M3 4.5h14v4.5H3zM3 11h14v4.5H3zM6 6.8h.01M6 13.3h.01M9 6.8h5M9 13.3h5',
  policy: 'M4 4h12v12H4zM7 8h6M7 12h3',
  flows: 'M3 6h11M11 3l3 3-3 3M17 14H6M9 11l-3 3 3 3',
  user: 'M13 7a3 3 0 1 1-6 0 3 3 0 0 1 6 0ZM4.5 17c.6-3.2 2.7-5 5.500-5s4.900 1.800 5.500 5',
  more: 'M5 10h.01M10 10h.01M15 10h.01',
};

export function Icon({ name }: { name: keyof typeof strokes }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
      <path d={strokes[name]} />
    </svg>
  );
}

export function CopyIcon({ done }: { done: boolean }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
      <path d={done ? 'm4.5 10.5 3.5 3.5 7.5-8' : 'M7.5 7.5h8v8h-8zM12.5 7.5v-3h-8v8h3'} />
    </svg>
  );
}

export function CloseIcon() {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
      <path d="m5 5 10 10M15 5 5 15" />
    </svg>
  );
}

/** A socket as it looks on the box's face. */
export function Socket() {
  return (
    <svg class="socket" viewBox="0 0 48 40" aria-hidden="true">
      <path class="case" d="M2.5 2.5h43v27h-9v8h-25v-8h-9z" />
      <path class="pins" d="M12 2.5v8M18 2.5v8M24 2.5v8M30 2.5v8M36 2.5v8" />
    </svg>
  );
}
