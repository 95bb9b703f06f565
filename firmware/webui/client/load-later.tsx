import { useEffect, useState } from 'preact/hooks';
import { Notice } from './parts/notice.tsx';
import { texts } from './texts.ts';

type LaterPages = typeof import('./later-pages.ts');

let pages: LaterPages | null = null;
/** Milliseconds for the first page to stand before the others are asked for. */
const afterMs = 1000;

async function load(): Promise<LaterPages> {
  pages = await import('./later-pages.ts');
  return pages;
}

/** Asks for the pages once the first one stands, so that they are there when the box is not. Gives the way to let it be. */
export function loadSoon(): () => void {
  // What does not come now is asked for again when it is chosen.
  const timer = setTimeout(() => void load().catch(() => {}), afterMs);
  return () => clearTimeout(timer);
}

/** One of them, as soon as it is there, and with a way on where it does not come. */
export function Later({ name }: { name: keyof LaterPages }) {
  const [state, setState] = useState<'loading' | 'there' | 'failed'>(pages === null ? 'loading' : 'there');
  useEffect(() => {
    if (state === 'loading')
      void load().then(
        () => setState('there'),
        () => setState('failed'),
      );
    // The page was chosen before it had a heading to begin at.
    if (state === 'there' && document.activeElement === document.body)
      document.querySelector('h1')?.focus({ preventScroll: true });
  }, [state]);
  if (pages !== null) {
    const Page = pages[name];
    return <Page />;
  }
  if (state !== 'failed') return <p class="quiet">{texts.oneMoment}</p>;
  return (
    <Notice mark="attention" word={texts.notLoaded}>
      <p>{texts.notLoadedAdvice}</p>
      <button type="button" class="plain" onClick={() => location.reload()}>
        {texts.loadAnew}
      </button>
    </Notice>
  );
}
