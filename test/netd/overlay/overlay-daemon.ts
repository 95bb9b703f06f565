import { createHash, createPrivateKey } from 'node:crypto';
import { createInterface } from 'node:readline';
import type { EspKeys } from '../../../firmware/hip/key-material.ts';
import type { EspSuite } from '../../../firmware/hip/suites.ts';
import type { DataPath } from '../../../firmware/netd/overlay/data-path.ts';
import { type Overlay, startOverlay } from '../../../firmware/netd/overlay/overlay.ts';
import type { PeerSettings } from '../../../firmware/store/settings-schema.ts';
import { softwareSigner } from '../../../firmware/system/host-identity-file.ts';
import { openOverlayPorts } from '../../../firmware/system/overlay-system.ts';

/**
 * One gateway's control plane over real sockets, without the kernel's ESP, which only the image's kernel is sure to
 * have: what it would install is kept, and shown with a digest in place of each key.
 */
export type DaemonRequest =
  | { do: 'start'; pem: string; peers: PeerSettings[] }
  | { do: 'reconfigure'; peers: PeerSettings[] }
  | { do: 'look' }
  | { do: 'stop' };

export type DaemonAnswer = {
  readonly hit: string;
  readonly tunnels: ReturnType<Overlay['tunnels']>;
  readonly inbound: readonly string[];
  readonly outbound: readonly string[];
};

const inbound = new Map<number, { local: string; remote: string; shown: string }>();
const outbound = new Map<number, string>();
const digest = (key: Uint8Array) => createHash('sha256').update(key).digest('hex').slice(0, 12);
const show = ({ spi, keys, suite }: { spi: number; keys: EspKeys; suite: EspSuite }) =>
  `${spi} ${suite.name} ${digest(keys.encryption.reveal())}`;
const log = (level: string, message: string) => process.stderr.write(`${level} ${message}\n`);

let overlay: Overlay | undefined;

async function start({ pem, peers }: { pem: string; peers: PeerSettings[] }): Promise<void> {
  const ports = await openOverlayPorts(softwareSigner(createPrivateKey(pem)), log);
  const dataPath: DataPath = {
    open: async () => {},
    setPeers: async () => {},
    close: async () => {},
    localAddress: (spi) => inbound.get(spi)?.local,
    remoteAddress: (spi) => inbound.get(spi)?.remote,
    forget: () => {},
    counters: async () => [],
    wrongSources: async () => new Map(),
    pathMtus: async () => new Map(),
    fitPaths: async () => {},
    async apply(_, effects) {
      for (const effect of effects) {
        switch (effect.type) {
          case 'install-inbound': {
            const { spi, from } = effect.association;
            const local = (await ports.sourceAddress(from)) ?? '';
            inbound.set(spi, { local, remote: from.address, shown: show(effect.association) });
            break;
          }
          case 'install-outbound':
            if (effect.replaces !== undefined) outbound.delete(effect.replaces);
            outbound.set(effect.association.spi, show(effect.association));
            break;
          case 'remove-inbound':
            inbound.delete(effect.spi);
            break;
          case 'remove-esp':
            inbound.delete(effect.localSpi);
            if (effect.peerSpi !== undefined) outbound.delete(effect.peerSpi);
            break;
          case 'move-outbound':
            break;
        }
      }
    },
  };
  overlay = await startOverlay(ports, { peers }, { dataPath });
}

for await (const line of createInterface(process.stdin)) {
  const request = JSON.parse(line) as DaemonRequest;
  if (request.do === 'start') await start(request);
  else if (request.do === 'reconfigure') await overlay?.reconfigure({ peers: request.peers });
  else if (request.do === 'stop') await overlay?.close();
  const answer: DaemonAnswer = {
    hit: overlay?.hit ?? '',
    tunnels: overlay?.tunnels() ?? [],
    inbound: [...inbound.values()].map(({ shown }) => shown),
    outbound: [...outbound.values()],
  };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit(0);
