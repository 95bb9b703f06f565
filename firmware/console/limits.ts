/** Bounds of the console. Each is tested at its edge. */
export const limits = {
  /** What every terminal shows, and most serial ones cannot be asked for more. */
  columns: 80,
  rows: 24,
  /** Characters of one answer: the longest is a host name or an IPv4 network. */
  answerLength: 63,
  /** Seconds without a key until the status is back: time to read a screen, not to leave a menu open. */
  idleSeconds: 120,
  /** Seconds that a change of the network is on trial for: time to walk to a desk and open the page. */
  trialSeconds: 120,
  /** Addresses of the page that are shown; more would push the rest off the screen. */
  shownAddresses: 4,
} as const;
