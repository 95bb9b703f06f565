import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';

interface RowsProps<Item> {
  legend: string;
  hint?: string;
  items: readonly Item[];
  onItems: (items: readonly Item[]) => void;
  blank: Item;
  add: string;
  /** What the button says that takes one away; `place` from 1. */
  remove: (place: number) => string;
  /** The fields of one, and how they change it. */
  children: (item: Item, place: number, change: (fields: Partial<Item>) => void) => ComponentChildren;
}

/** Several things of a kind within a form, each with its fields, to be added and taken away. */
export function Rows<Item extends object>(props: RowsProps<Item>) {
  const { legend, hint, items, onItems, blank, add, remove, children } = props;
  const group = useRef<HTMLFieldSetElement>(null);
  const append = () => {
    onItems([...items, blank]);
    // The fields are there once it was drawn again.
    setTimeout(() => group.current?.querySelector<HTMLElement>('.row:last-of-type input')?.focus());
  };
  return (
    <fieldset class="rows" ref={group}>
      <legend>{legend}</legend>
      {hint !== undefined && <p class="quiet">{hint}</p>}
      {items.map((item, index) => (
        <div class="row" key={index}>
          {children(item, index, (fields) => onItems(items.with(index, { ...item, ...fields })))}
          <button type="button" class="plain" onClick={() => onItems(items.toSpliced(index, 1))}>
            {remove(index + 1)}
          </button>
        </div>
      ))}
      <button type="button" class="plain" onClick={append}>
        {add}
      </button>
    </fieldset>
  );
}
