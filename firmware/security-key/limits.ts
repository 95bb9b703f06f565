/** Bounds of the room of security keys. Each is tested at its edge. */
export const limits = {
  /** Octets of a message: a first packet and 128 that continue it (FIDO U2F HID Protocol 1.2, 2.4). */
  messageOctets: 7609,
  /** Milliseconds of silence after which a key is given up (there, 2.5.2: U2FHID_TRANS_TIMEOUT). */
  silenceMs: 3000,
  /** Milliseconds that one answer may take in all, whatever keeps a key busy. */
  answerMs: 10_000,
  /** Milliseconds between two questions whether a key was touched, and between two looks for keys that were plugged in. */
  pollMs: 200,
  lookMs: 1000,
  /** Milliseconds that a touch is waited for: with a last answer less than a connection of the page may be silent. */
  touchMs: 25_000,
  /** Keys that are asked at once: a hub full of them. */
  keysAtOnce: 8,
} as const;
