import { useEffect, useState } from 'preact/hooks';

/**
 * The value that was there when the browser painted last. What takes long to draw is drawn by it, and what was pressed or
 * typed is seen at once.
 */
export function useAfterPaint<Value extends string>(value: Value): Value {
  const [painted, setPainted] = useState(value);
  // Preact runs effects once the browser has painted.
  useEffect(() => setPainted(value), [value]);
  return painted;
}
