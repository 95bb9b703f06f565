/** Notify Message Types (RFC 7401 §5.2.19, RFC 7402 §5.1.3, RFC 9028 §5.10): those that this room sends or names. */
export const notifyTypes = {
  UNSUPPORTED_CRITICAL_PARAMETER_TYPE: 1,
  INVALID_SYNTAX: 7,
  NO_DH_PROPOSAL_CHOSEN: 14,
  INVALID_DH_CHOSEN: 15,
  NO_HIP_PROPOSAL_CHOSEN: 16,
  INVALID_HIP_CIPHER_CHOSEN: 17,
  NO_ESP_PROPOSAL_CHOSEN: 18,
  INVALID_ESP_TRANSFORM_CHOSEN: 19,
  UNSUPPORTED_HIT_SUITE: 20,
  AUTHENTICATION_FAILED: 24,
  CHECKSUM_FAILED: 26,
  HIP_MAC_FAILED: 28,
  ENCRYPTION_FAILED: 32,
  INVALID_HIT: 40,
  BLOCKED_BY_POLICY: 42,
  RESPONDER_BUSY_PLEASE_RETRY: 44,
  LOCATOR_TYPE_UNSUPPORTED: 46,
  NO_VALID_NAT_TRAVERSAL_MODE_PARAMETER: 60,
  I2_ACKNOWLEDGEMENT: 16384,
  NAT_KEEPALIVE: 16385,
} as const;

const nameByType: ReadonlyMap<number, string> = new Map(
  Object.entries(notifyTypes).map(([name, type]) => [type, name]),
);

export function notifyTypeName(type: number): string | undefined {
  return nameByType.get(type);
}
