import type {
  Diagnostics,
  DiagnosticsProblem,
  DiagnosticsResult,
  PingQuery,
  PingReport,
  Traceroute,
  TracerouteQuery,
} from '../webui/api/diagnostics-route.ts';
import type { PolicyExplanation } from '../webui/api/policy-route.ts';
import { CaptureKeeper } from './capture-keeper.ts';
import { echoEnds, pingReport, thisGateway } from './ping-report.ts';
import type { DiagnosisPorts } from './ports.ts';

/** Looking into what does not work, from this gateway: echoes, the way there, what passes a link. */
export class Diagnosis implements Diagnostics {
  readonly #ports: DiagnosisPorts;
  readonly #captures: CaptureKeeper;
  #trace: Traceroute | null = null;
  #pinging = false;

  constructor(ports: DiagnosisPorts) {
    this.#ports = ports;
    this.#captures = new CaptureKeeper(ports);
  }

  async ping({ from = thisGateway, to, count }: PingQuery): Promise<DiagnosticsResult<PingReport>> {
    if (this.#pinging)
      return refuse('diagnosis-running', 'Echoes are being sent for somebody else. Ask again soon.');
    const { explain, echo, status } = this.#ports;
    const protocol = { protocol: 'icmp', port: 0 } as const;
    const own = explain({ from: thisGateway, to, ...protocol });
    if (!own.ok) return refuse('bad-request', own.problem, 'to');
    const policy = from === thisGateway ? null : explain({ from, to, ...protocol });
    if (policy?.ok === false) return refuse('bad-request', policy.problem, 'from');
    const ends = echoEnds(own.value, to);
    this.#pinging = true;
    try {
      const sent = await echo(ends.to, { count, source: ends.source });
      const facts = { own: own.value, policy: policy?.value ?? null, ends, sent };
      return { ok: true, value: pingReport({ ...facts, tunnels: status().tunnels }) };
    } finally {
      this.#pinging = false;
    }
  }

  async startTraceroute({ to, underlay, hops }: TracerouteQuery): Promise<DiagnosticsResult<Traceroute>> {
    if (this.#trace?.state === 'running')
      return refuse(
        'diagnosis-running',
        `The way to ${this.#trace.to} is being traced. Wait until that is over.`,
      );
    const explained = this.#ports.explain({ from: thisGateway, to, protocol: 'udp', port: 33_434 });
    if (!explained.ok) return refuse('bad-request', explained.problem, 'to');
    const ends = explained.value;
    const way = underlay
      ? this.#underlayWay(ends.to)
      : { to: ends.to.address, source: ends.from.address as string | undefined };
    if (way === null) return refuse('bad-request', `${to} is behind no peer whose address is known.`, 'to');
    const running: Traceroute = {
      ...{ state: 'running', to: way.to, from: way.source ?? null },
      ...{ hops: [], reached: false, problem: null },
    };
    this.#trace = running;
    const seen = (found: Traceroute['hops']): Traceroute => ({
      ...running,
      hops: found,
      reached: found.at(-1)?.address === way.to,
    });
    const onHops = (found: Traceroute['hops']) => {
      this.#trace = seen(found);
    };
    this.#ports.trace(way.to, { hops, source: way.source, onHops }).then(
      (result) => {
        this.#trace = result.ok
          ? { ...seen(result.value), state: 'ended' }
          : { ...running, state: 'ended', problem: result.problem };
      },
      (error: unknown) => {
        this.#trace = { ...running, state: 'ended', problem: String(error) };
      },
    );
    return { ok: true, value: running };
  }

  traceroute(): Traceroute | null {
    return this.#trace;
  }

  startCapture: Diagnostics['startCapture'] = (query) => this.#captures.start(query);
  capture: Diagnostics['capture'] = () => this.#captures.current();
  stopCapture: Diagnostics['stopCapture'] = () => this.#captures.stop();
  discardCapture: Diagnostics['discardCapture'] = () => this.#captures.discard();
  readCapture: Diagnostics['readCapture'] = () => this.#captures.read();

  /** Nothing that passed outlives the runtime. */
  close(): Promise<void> {
    return this.#captures.discard();
  }

  /** Where the peer is whom somebody is behind, by its tunnel. */
  #underlayWay({ gateway }: PolicyExplanation['to']): { to: string; source: undefined } | null {
    const locator = this.#ports.status().tunnels.find(({ peer }) => peer === gateway)?.locator ?? null;
    if (locator === null) return null;
    // `192.0.2.1:10500`, `[2001:db8::1]:10500`, or an address alone.
    const [, bracketed, plain] = /^(?:\[([^\]]+)\](?::\d+)?|([\d.]+)(?::\d+)?)$/.exec(locator) ?? [];
    return { to: bracketed ?? plain ?? locator, source: undefined };
  }
}

function refuse(code: DiagnosticsProblem, detail: string, field?: string): DiagnosticsResult<never> {
  return { ok: false, code, detail, ...(field !== undefined && { field }) };
}
