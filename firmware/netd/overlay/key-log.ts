import type { AssociationState } from '../../hip/association.ts';
import { keyLogComment, keyLogRow } from '../../hip/key-log.ts';
import type { RunnerDataPath } from './association-runner.ts';

/** Takes text of a key log: secrets, for whoever switched it on. */
export type KeyLog = (text: string) => void;

/** A data path that also writes down the keys of every security association before it is installed. */
export function withKeyLog(
  dataPath: RunnerDataPath,
  keyLog: KeyLog,
  localHit: string,
  stateOf: (peerHit: string) => AssociationState | undefined,
): RunnerDataPath {
  return {
    async apply(peer, effects) {
      const rows = effects.flatMap((effect) =>
        effect.type === 'install-inbound' || effect.type === 'install-outbound'
          ? [keyLogRow(effect.association)]
          : [],
      );
      const state = stateOf(peer.hit);
      const comment = state === undefined ? '' : keyLogComment(state, { local: localHit, peer: peer.hit });
      if (rows.length > 0) keyLog(comment + rows.join(''));
      await dataPath.apply(peer, effects);
    },
    localAddress: (spi) => dataPath.localAddress(spi),
    remoteAddress: (spi) => dataPath.remoteAddress(spi),
    forget: (peer, spi) => dataPath.forget(peer, spi),
  };
}
