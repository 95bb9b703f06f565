import { useState } from 'preact/hooks';
import type { PeerSettings } from '../../../../store/settings-schema.ts';
import { useChangeForm } from '../../settings/use-change-form.ts';
import { draftOfPeer, emptyPeer, type PeerDraft, peerOfDraft, placeOfPeer, withPeer } from './peers.ts';

/** A new peer, or the one of `before`, as somebody types it, until the box tries it. */
export function usePeerForm(before: PeerSettings | undefined, onTried: () => void) {
  const first = before === undefined ? emptyPeer : draftOfPeer(before);
  const [draft, setDraft] = useState(first);
  /** In the list that the box was last asked about: by that it names the fields, whatever else tells of fewer peers. */
  const [place, setPlace] = useState(0);
  const { problem, busy, submit } = useChangeForm(() => {
    setDraft(first);
    onTried();
  });
  return {
    draft,
    problem,
    busy,
    type: (typed: Partial<PeerDraft>) => setDraft({ ...draft, ...typed }),
    fieldOf: (field: keyof PeerSettings) => `overlay.peers[${place}].${field}`,
    save: (title: string) =>
      submit({
        title,
        edit: (settings) => {
          const replaces = before?.name ?? null;
          setPlace(placeOfPeer(settings, replaces));
          return withPeer(settings, peerOfDraft(draft, before), replaces);
        },
      }),
  };
}
