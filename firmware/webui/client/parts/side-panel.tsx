import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { CloseIcon } from '../icons.tsx';
import { texts } from '../texts.ts';

interface SidePanelProps {
  title: string;
  /** Takes the panel out of the address. */
  onClose: () => void;
  children: ComponentChildren;
}

/** Below this width the panel covers the page, and holds the focus for as long as it does. */
const covers = '(max-width: 960px)';

/**
 * Details of one thing beside the list that it is in. Whether it is open stands in the address (`?peer=plant`), so that it
 * can be sent to somebody and back closes it.
 */
export function SidePanel({ title, onClose, children }: SidePanelProps) {
  const id = useId();
  const panel = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const shown = panel.current;
    const opener = document.activeElement;
    if (matchMedia(covers).matches) shown?.showModal();
    else shown?.show();
    shown?.querySelector('h2')?.focus();
    return () => {
      shown?.close();
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  return (
    <dialog
      ref={panel}
      class="side-panel"
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape') onClose();
      }}
    >
      <div class="panel-head">
        <h2 id={id} tabIndex={-1}>
          <bdi>{title}</bdi>
        </h2>
        <button type="button" class="copy" aria-label={texts.close} title={texts.close} onClick={onClose}>
          <CloseIcon />
        </button>
      </div>
      {children}
    </dialog>
  );
}
