import { pageFiles } from '#webui-client';
import { normalStatus } from '../webui/status-fixtures.ts';
import { startTestBox } from '../webui/test-box.ts';

/** What the bench that started this process asks it, and what it answers. */
export type UiServerQuestion = 'memory';
export type UiServerAnswer =
  | { readonly kind: 'ready'; readonly port: number; readonly claimCode: string }
  /** Octets that the process holds, after what nobody needs was given back. */
  | { readonly kind: 'memory'; readonly residentBytes: number };

/** The page's real server by itself in a process, of a box with so many peers as a site has. */
const peers = Number(process.argv[2] ?? 100);
const base = normalStatus(Date.now());
const [tunnel] = base.tunnels;
if (tunnel === undefined) throw new Error('a tunnel');
const tunnels = Array.from({ length: peers }, (_, index) => ({
  ...tunnel,
  peer: `site-${index + 1}`,
  hit: tunnel.hit.replace(/[^:]+$/, (index + 1).toString(16)),
}));
const startedAt = Date.now();
const box = await startTestBox({
  page: pageFiles,
  readStatus() {
    // All counters move, as those of a box at work do.
    const seconds = (Date.now() - startedAt) / 1000;
    const moved = tunnels.map((each) => ({
      ...each,
      traffic: { ...each.traffic, sentBytes: each.traffic.sentBytes + Math.round(seconds * 40_000) },
    }));
    return { ...base, tunnels: moved };
  },
});

const tell = (answer: UiServerAnswer) => process.send?.(answer);
process.on('message', (question: UiServerQuestion) => {
  if (question !== 'memory') return;
  globalThis.gc?.();
  tell({ kind: 'memory', residentBytes: process.memoryUsage().rss });
});
process.on('disconnect', () => void box.close().then(() => process.exit(0)));
tell({ kind: 'ready', port: box.httpsPort, claimCode: box.ui.claim.code() ?? '' });
