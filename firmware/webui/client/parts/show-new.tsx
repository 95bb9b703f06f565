import { texts } from '../texts.ts';

/** Rows that came while others are looked at wait behind this button, so that nothing moves under the eye. */
export function ShowNew({ count, onShow }: { count: number; onShow: () => void }) {
  return (
    <button type="button" class="waiting" disabled={count === 0} onClick={onShow}>
      {texts.showNew(count)}
    </button>
  );
}
