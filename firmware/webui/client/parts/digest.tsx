import { digestGroups } from '../format.ts';
import { CopyButton } from './copy-button.tsx';

export function Digest({ hex, label }: { hex: string; label: string }) {
  return (
    <span class="digest">
      <code class="groups">{digestGroups(hex).join(' ')}</code>
      <CopyButton text={hex} label={label} />
    </span>
  );
}
