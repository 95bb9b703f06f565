import type { CommandRunner } from '../system-port.ts';
import { KernelCommands } from './kernel-commands.ts';
import { narrowWayRoutes } from './narrow-way.ts';
import { renderFragments, renderSegments } from './path-mtu.ts';
import { renderDevice, renderTeardown } from './routes.ts';
import { renderBasePolicies } from './xfrm.ts';

/** The ruleset of segments as long as no way is narrow. */
export const noSegments = renderSegments([]);

/** Routes lead there, which the kernel refuses as long as the link is down. */
const loopbackUp = 'link set lo up\n';

/**
 * Puts into the kernel what the overlay needs whoever the box is, so that it can be done while the TPM is asked for that:
 * the policies that keep HITs off the wire, the device, the rules for narrow ways. What an earlier run left goes first.
 * Rejects with `OverlayError` where the kernel refuses.
 */
export async function prepareKernel(run: CommandRunner): Promise<void> {
  const kernel = new KernelCommands(run);
  await kernel.ipTolerant(renderTeardown() + narrowWayRoutes.remove);
  await kernel.nft(renderFragments() + noSegments);
  // Policies before routes: nothing may find a way while there is no rule for it.
  await kernel.ip(renderBasePolicies() + loopbackUp + narrowWayRoutes.add + renderDevice());
  await kernel.narrowWays('add');
}
