/** Bounds of what is sent to receivers. Each is tested at its edge. */
export const limits = {
  /** Octets of a syslog message: what every receiver of datagrams should take (RFC 5426 § 3.2). */
  syslogOctets: 2_048,
  /** Code units of one value: labels and names of a device fit. */
  valueLength: 255,
  /** Records in one delivery: some hundreds of KiB, and seconds of a busy gateway. */
  batch: 500,
  /** Alarms that wait for a receiver; they are few, and the oldest go. */
  waitingAlarms: 256,
  /** Milliseconds before the first and the longest wait for a receiver that fails, doubled each time. */
  firstWaitMs: 1_000,
  longestWaitMs: 300_000,
  /** The longest that a receiver may ask to be left alone for. */
  longestAskedMs: 3_600_000,
  /** Code units of what a receiver says about itself. */
  reasonLength: 200,
} as const;
