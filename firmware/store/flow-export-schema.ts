import { z } from 'zod';
import { boundedRecord } from './bounded-record.ts';
import { limits } from './limits.ts';
import { hiddenSecret, secret } from './secret-settings.ts';

const receiverName = z
  .string()
  .max(limits.labelLength)
  .regex(
    /^[a-z0-9][a-z0-9._-]*$/,
    'must begin with a letter or digit and hold a-z, 0-9, ".", "_", "-" alone',
  );

const url = z
  .url({ protocol: /^https?$/, error: 'must read https://host/path' })
  .max(limits.uriLength)
  .refine((text) => !/^\w+:\/\/[^/]*@/.test(text), 'names a password: give it as a header');

/** Certificates in PEM by which the receiver's own is checked, in the place of the public authorities'. */
const certificates = z
  .string()
  .max(limits.receiverCertificates)
  .regex(
    /^\s*-----BEGIN CERTIFICATE-----[\s\S]*-----END CERTIFICATE-----\s*$/,
    'must be certificates in PEM',
  );

const otlp = z.strictObject({
  name: receiverName,
  type: z.literal('otlp'),
  /** Where logs are taken in OTLP's JSON form: `https://collector.example/v1/logs`. */
  url,
  /** Sent with every delivery; what they say is not shown. */
  headers: boundedRecord(
    z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,63}$/, 'must be the name of a header'),
    secret(
      z
        .string()
        .max(limits.receiverHeaderLength)
        .regex(/^[\x20-\x7e]*$/, 'must be visible ASCII')
        .refine((text) => text !== hiddenSecret, 'stands in the place of a secret: write the secret itself'),
    ),
    limits.receiverHeaders,
    'headers',
  ).optional(),
  ca: certificates.optional(),
});

const syslog = z.strictObject({
  name: receiverName,
  type: z.literal('syslog'),
  /** Name or address. */
  host: z.union([z.hostname(), z.ipv4(), z.ipv6()]),
  port: z.int().min(1).max(65_535),
  /** `tls` (RFC 5425) and `tcp` (RFC 6587) lose nothing; of `udp` (RFC 5426) nobody knows. */
  transport: z.enum(['tls', 'tcp', 'udp']),
  /** RFC 5424: 16 is local0. */
  facility: z.int().min(0).max(23),
  ca: certificates.optional(),
});

export const flowExportSettings = z.discriminatedUnion('type', [otlp, syslog]);
export type FlowExportSettings = z.infer<typeof flowExportSettings>;
