import { buildImage } from '../image-builder/build.ts';
import type { Progress } from '../image-builder/progress.ts';
import type { DemoResult, GatewayReport } from './demo-report.ts';
import { Lab, type Side } from './lab.ts';
import { labInitrd } from './lab-initrd.ts';

const identityMs = 60_000;

/** Enough for TCP to get to its pace, and seconds on emulated processors. */
const transferMiB = 8;

type DemoOptions = { readonly memoryMiB: number; readonly pings: number; readonly progress: Progress };
type FirstSight = Omit<GatewayReport, 'tunnel'>;

/** Waits for a gateway's page and reads from it and from its console what a person would. */
async function meet(lab: Lab, side: Side, progress: Progress): Promise<FirstSight> {
  const gateway = lab.gateways[side];
  const name = gateway.machine.name;
  const { answer, seconds } = await gateway.waitForPage();
  progress(`${name}: the page answers, ${seconds.toFixed(1)} s after power on (${gateway.page.url})`);
  const { platform, identity, tpm } = await gateway.page.waitForStatus(
    'it has an identity and knows its TPM',
    (status) => status.identity.hit !== null && status.tpm.state !== 'pending',
    identityMs,
  );
  return {
    name,
    platform: platform.platform,
    secondsToPage: Number(seconds.toFixed(1)),
    url: gateway.page.url,
    hit: identity.hit ?? '',
    tpm: { state: tpm.state, quoteVerified: tpm.state === 'present' && tpm.quote.verified },
    fingerprint: answer.fingerprint,
    claimCode: /Claim code\s+(\S+)/.exec(gateway.machine.console.text)?.[1] ?? null,
  };
}

/** What did not work though the demo came to its end, in words; null when all did. */
function complaint(gateways: readonly GatewayReport[], ping: DemoResult['ping']): string | null {
  if (ping.received < ping.sent) return `${ping.sent - ping.received} of ${ping.sent} pings were lost.`;
  const withoutQuote = gateways.filter(({ tpm }) => !tpm.quoteVerified).map(({ name }) => name);
  return withoutQuote.length > 0 ? `No verified quote from the TPM of ${withoutQuote.join(' and ')}.` : null;
}

/**
 * From sources to a ping through the tunnel.
 *
 * @param running gets what keeps running afterwards; the caller ends it
 */
export async function runDemo(
  { memoryMiB, pings, progress }: DemoOptions,
  running: AsyncDisposableStack,
): Promise<DemoResult> {
  const image = await buildImage({ arch: 'x86-64', progress });
  progress(`Image ${image.version}, root hash ${image.rootHash}`);
  const labInitrdPath = await labInitrd(image, progress);
  const lab = running.use(await Lab.start({ image: { ...image, labInitrdPath }, memoryMiB, progress }));
  const [a, b] = await Promise.all([meet(lab, 'a', progress), meet(lab, 'b', progress)]);
  progress('Plugging a stick with settings into each gateway');
  await lab.connect({ a: a.hit, b: b.hit });
  progress('The tunnel is established; pinging through it');
  const ping = await lab.ping('a', pings);
  progress(`Sending ${transferMiB} MiB through it by TCP`);
  const { octets, megabitsPerSecond } = await lab.transfer('a', transferMiB);
  const tunnelState = async (side: Side) => {
    const { tunnels } = await lab.gateways[side].page.status();
    return tunnels.map(({ state }) => state).join(', ');
  };
  const gateways = [
    { ...a, tunnel: await tunnelState('a') },
    { ...b, tunnel: await tunnelState('b') },
  ];
  const whole = octets === transferMiB * 1024 * 1024;
  const error =
    complaint(gateways, ping) ?? (whole ? null : `Of ${transferMiB} MiB, ${octets} octets came out.`);
  const { manifest } = image;
  return {
    ok: error === null,
    ...(error === null ? {} : { error }),
    image: {
      version: image.version,
      sha256: image.sha256,
      rootHash: image.rootHash,
      bytes: manifest.image.size,
      compressedBytes: manifest.compressed?.size ?? null,
    },
    gateways,
    ping,
    throughputMbps: megabitsPerSecond,
    logs: 'build/machines',
  };
}
