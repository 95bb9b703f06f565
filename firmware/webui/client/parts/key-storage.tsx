import type { StatusUpdate } from '../../api/status-schema.ts';
import { texts } from '../texts.ts';
import { State } from './state.tsx';

/** Where the private key lives, said plainly. */
export function KeyStorage({ identity }: { identity: StatusUpdate['identity'] }) {
  switch (identity.keyStorage) {
    case 'software':
      return <State mark="attention" word={texts.identity.software} />;
    case 'tpm':
      return <State mark="up" word={texts.identity.tpm} />;
    case 'none':
      return identity.problem === null ? (
        <State mark="off" word={texts.identity.none} />
      ) : (
        <State mark="down" word={texts.identity.unusable} />
      );
  }
}
