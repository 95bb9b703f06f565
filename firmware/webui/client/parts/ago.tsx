import { formatAbsolute, formatDuration } from '../format.ts';
import { texts } from '../texts.ts';
import { useBoxNow } from '../use-now.ts';

export function Ago({ iso }: { iso: string }) {
  const now = useBoxNow();
  const at = Date.parse(iso);
  return (
    <time dateTime={iso} title={formatAbsolute(at)}>
      {texts.ago(formatDuration((now - at) / 1000))}
    </time>
  );
}
