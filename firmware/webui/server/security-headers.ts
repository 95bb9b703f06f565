/**
 * Headers of every answer. Scripts, styles and connections come from the box alone and nothing is inline, so that text
 * from outside (names of devices, log lines) cannot become code even if the page had a hole.
 *
 * There is no Strict-Transport-Security: with it a browser lets nobody pass a self-signed certificate's warning
 * (RFC 6797 § 12.1), and that warning is how every visit begins.
 */
export const securityHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy':
    'camera=(), geolocation=(), microphone=(), payment=(), usb=(), clipboard-write=(self)',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};
