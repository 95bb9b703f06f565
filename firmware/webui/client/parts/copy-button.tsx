import { useEffect, useRef, useState } from 'preact/hooks';
import { CopyIcon } from '../icons.tsx';
import { texts } from '../texts.ts';

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      return;
    }
    setCopied(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setCopied(false), 2000);
  };
  return (
    <button type="button" class="copy" aria-label={label} title={label} onClick={() => void copy()}>
      <CopyIcon done={copied} />
      <span class="only-read" role="status">
        {copied ? texts.copied : ''}
      </span>
    </button>
  );
}
