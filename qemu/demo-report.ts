import type { PingResult } from './ping.ts';

/** One gateway as the demo saw it. */
export type GatewayReport = {
  readonly name: string;
  readonly platform: string;
  /** From power on until its page answered. */
  readonly secondsToPage: number;
  readonly url: string;
  readonly hit: string;
  readonly tpm: { readonly state: string; readonly quoteVerified: boolean };
  /** SHA-256 of the page's certificate. */
  readonly fingerprint: string;
  /** What the console asks for at first use; null when the console did not show one. */
  readonly claimCode: string | null;
  readonly tunnel: string;
};

export type DemoResult = {
  readonly ok: boolean;
  /** Present when something did not work though nothing failed outright. */
  readonly error?: string;
  readonly image: {
    readonly version: string;
    readonly sha256: string;
    readonly rootHash: string;
    readonly bytes: number;
    readonly compressedBytes: number | null;
  };
  readonly gateways: readonly GatewayReport[];
  readonly ping: PingResult;
  /** TCP from the host behind gateway-a to the host behind gateway-b, megabits a second. */
  readonly throughputMbps: number;
  /** Where consoles and QEMU's words are kept. */
  readonly logs: string;
};

/** What `--json` prints. Times are seconds unless named otherwise. */
export type DemoReport = { readonly seconds: number } & (
  | DemoResult
  | { readonly ok: false; readonly error: string; readonly logs: string }
);

function lines(report: DemoReport): string[] {
  if (!('gateways' in report))
    return [`Failed after ${report.seconds} s: ${report.error}`, `Logs: ${report.logs}`];
  const { image, gateways, ping, throughputMbps, logs } = report;
  const rtt = ping.rttMs ? `, round trip ${ping.rttMs.min}/${ping.rttMs.average}/${ping.rttMs.max} ms` : '';
  return [
    `Image      ${image.version}, SHA-256 ${image.sha256}`,
    `Root hash  ${image.rootHash}`,
    ...gateways.flatMap((gateway) => [
      '',
      `${gateway.name}: ${gateway.url}`,
      `  HIT          ${gateway.hit}, tunnel ${gateway.tunnel}`,
      `  platform     ${gateway.platform}, page after ${gateway.secondsToPage} s`,
      `  TPM          ${gateway.tpm.state}${gateway.tpm.quoteVerified ? ', quote verified' : ''}`,
      `  certificate  ${gateway.fingerprint}`,
      `  claim code   ${gateway.claimCode ?? '(see the console)'}`,
      `  console      tail -f ${logs}/${gateway.name}/console.log`,
    ]),
    '',
    `Ping from the host behind gateway-a to the host behind gateway-b: ${ping.sent} sent, ${ping.received} received${rtt}`,
    `TCP the same way: ${throughputMbps} Mbit/s on emulated processors`,
    report.ok
      ? `All of it worked, in ${report.seconds} s.`
      : `Failed after ${report.seconds} s: ${report.error ?? ''}`,
  ];
}

/** The result on standard output: a JSON object, or the same for people. */
export function printReport(report: DemoReport, json: boolean): void {
  process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : `\n${lines(report).join('\n')}\n`);
}
