import { Backups } from './backups.tsx';
import { Revisions } from './revisions.tsx';

/** The settings as they were and as a file. */
export function SavedSettings() {
  return (
    <>
      <Revisions />
      <Backups />
    </>
  );
}
