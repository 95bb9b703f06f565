import { limits } from './limits.ts';
import type { LogRecord, LogSeverity, LogValue } from './log-record.ts';

/** Who sends: the gateway's name, its HIT where it has one, and the image's version. */
export type LogSource = { readonly host: string; readonly hit: string | null; readonly version: string };

/** Severity numbers of OpenTelemetry's data model for logs (§ Field: SeverityNumber). */
const severities: Readonly<Record<LogSeverity, readonly [number, string]>> = {
  informational: [9, 'INFO'],
  notice: [10, 'INFO2'],
  warning: [13, 'WARN'],
  error: [17, 'ERROR'],
};

/**
 * An ExportLogsServiceRequest in the JSON form of OTLP 1.x (opentelemetry-proto, docs/specification.md § JSON Protobuf
 * Encoding): names in lowerCamelCase, integers of 64 bits as decimal strings.
 */
export function encodeOtlpLogs(records: readonly LogRecord[], source: LogSource): string {
  return JSON.stringify({
    resourceLogs: [
      {
        resource: {
          attributes: [
            attribute('service.name', 'hithe'),
            attribute('service.version', source.version),
            attribute('host.name', source.host),
            ...(source.hit === null ? [] : [attribute('hithe.hit', source.hit)]),
          ],
        },
        scopeLogs: [
          { scope: { name: 'hithe', version: source.version }, logRecords: records.map(logRecord) },
        ],
      },
    ],
  });
}

function logRecord({ kind, time, observed, severity, text, attributes }: LogRecord) {
  const [severityNumber, severityText] = severities[severity];
  return {
    timeUnixNano: nanoseconds(time),
    observedTimeUnixNano: nanoseconds(observed),
    ...{ severityNumber, severityText },
    eventName: `hithe.${kind}`,
    body: { stringValue: text },
    attributes: attributes.map(([name, value]) => attribute(name, value)),
  };
}

function attribute(key: string, value: LogValue) {
  return { key, value: anyValue(value) };
}

function anyValue(value: LogValue): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'number') return { intValue: String(Math.trunc(value)) };
  return { arrayValue: { values: value.map((item) => ({ stringValue: item })) } };
}

function nanoseconds(milliseconds: number): string {
  return String(BigInt(Math.trunc(milliseconds)) * 1_000_000n);
}

/**
 * What became of a delivery. `again`: the same records once more, after so many milliseconds where the receiver says
 * how many. `refused`: it will never take them.
 */
export type Delivery =
  | { readonly outcome: 'taken'; readonly rejected: number; readonly reason: string | null }
  | { readonly outcome: 'again'; readonly afterMs: number | null; readonly reason: string }
  | { readonly outcome: 'refused'; readonly reason: string };

/** Statuses after which the same request may be sent again (OTLP specification § Failures, OTLP/HTTP Response). */
const retryable: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** Reads the answer to an export request. `retryAfterMs` is what its Retry-After header asks for. */
export function readOtlpAnswer({
  status,
  retryAfterMs,
  body,
}: {
  readonly status: number;
  readonly retryAfterMs: number | null;
  readonly body: string;
}): Delivery {
  if (status >= 200 && status < 300) {
    const { rejected, message } = partialSuccess(body);
    return { outcome: 'taken', rejected, reason: message };
  }
  const reason = `it answered with status ${status}`;
  if (retryable.has(status)) return { outcome: 'again', afterMs: retryAfterMs, reason };
  return { outcome: 'refused', reason };
}

/** Records that the receiver took none of, which must not be sent again (OTLP specification § Partial Success). */
function partialSuccess(body: string): { readonly rejected: number; readonly message: string | null } {
  try {
    const { partialSuccess: partial } = JSON.parse(body) as {
      partialSuccess?: { rejectedLogRecords?: unknown; errorMessage?: unknown };
    };
    const rejected = Number(partial?.rejectedLogRecords ?? 0);
    const message = partial?.errorMessage;
    return {
      rejected: Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0,
      message: typeof message === 'string' && message !== '' ? message.slice(0, limits.reasonLength) : null,
    };
  } catch {
    // An answer in another form is a success all the same.
    return { rejected: 0, message: null };
  }
}
