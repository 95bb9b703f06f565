import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { View } from './live.ts';

/** Milliseconds since 1970 by the box's clock, which is what all times on the page are measured against. */
export const BoxNow = createContext(0);
export const useBoxNow = () => useContext(BoxNow);

/** Ticks once a second while the page is visible. */
export function useTicks(): number {
  const [ticks, setTicks] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') setTicks((count) => count + 1);
    }, 1000);
    return () => clearInterval(timer);
  }, []);
  return ticks;
}

/** The box's clock now: what it last said, and the time that has passed since by the browser's steady clock. */
export function boxTime({ status, heardAfter }: View): number {
  if (status === null) return Date.now();
  return Date.parse(status.time) + (performance.now() - heardAfter);
}
