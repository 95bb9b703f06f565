import { z } from 'zod';
import type { DmiField } from './platform/facts.ts';
import { platformNames } from './platform/platform.ts';

/** An exact value, or a beginning followed by `*`. */
const pattern = z.string().min(1).max(128);

const dmiField = z.enum([
  'bios_vendor',
  'bios_version',
  'sys_vendor',
  'product_name',
  'product_version',
  'board_vendor',
  'board_name',
  'chassis_vendor',
] satisfies [DmiField, ...DmiField[]]);

const matchRule = z
  .strictObject({
    platform: z
      .enum(platformNames)
      .optional()
      .describe(
        'The rule holds only where this platform was detected. Rules of physical boards leave it out.',
      ),
    dmi: z
      .partialRecord(dmiField, z.array(pattern).min(1))
      .optional()
      .describe('Every field has one of its values.'),
    deviceTree: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe('The tree is compatible with one of these.'),
  })
  .describe('All parts of a rule hold together.');
export type MatchRule = z.infer<typeof matchRule>;

const portName = z.string().regex(/^port[1-9][0-9]?$/, 'must read port1, port2, …');

const port = z.strictObject({
  name: portName,
  label: z.string().max(32).optional().describe('What is printed on the case.'),
  path: z
    .string()
    .min(1)
    .optional()
    .describe('Part of the device path in sysfs: `0000:01:00.0`, `fe2a0000.ethernet`.'),
  kernelName: z.string().min(1).max(15).optional(),
  role: z.enum(['underlay', 'lan', 'management', 'unused']).optional(),
});

const bit = z.int().min(0).max(7);

const frontPanel = z
  .strictObject({
    vendorId: z.int().min(1).max(0xffff),
    productId: z.int().min(1).max(0xffff),
    lights: z
      .strictObject({
        report: z.int().min(1).max(255),
        bits: z.strictObject({ well: bit, attention: bit, tunnels: bit, press: bit }),
      })
      .describe('An output report of one octet: which bit is which light.'),
    button: z
      .strictObject({ report: z.int().min(1).max(255), bit })
      .describe('An input report of one octet: which bit is set while the button is pressed.'),
  })
  .describe('A panel with lights and a button that is a HID device (USB HID 1.11, 5.6).');

/**
 * What a file in board-profiles/ may say. The firmware does not check its own profiles when it starts, which would cost
 * time on the way to the page: the tests have done so.
 */
export const boardProfile = z.strictObject({
  $schema: z.literal('./schema.json').optional(),
  name: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/),
  title: z.string().min(1).max(80),
  architecture: z.enum(['x86-64', 'aarch64', 'any']),
  match: z
    .array(matchRule)
    .describe('One rule that holds is enough. Without rules a profile is the fallback of its architecture.'),
  ports: z.strictObject({
    order: z
      .enum(['bus', 'kernel-name'])
      .describe(
        'How ports without an entry of their own are counted: along the buses, or by the kernel’s names.',
      ),
    named: z.array(port).default([]),
  }),
  consoles: z
    .array(
      z.strictObject({
        device: z.string().regex(/^tty[A-Za-z]+[0-9]+$/),
        baud: z.int().min(1200).max(4_000_000),
      }),
    )
    .describe('Serial consoles; the first that exists is used.'),
  leds: z
    .array(z.strictObject({ name: z.string(), purpose: z.enum(['status', 'power', 'underlay', 'lan']) }))
    .default([])
    .describe('By their names in /sys/class/leds.'),
  buttons: z
    .array(z.strictObject({ name: z.string(), input: z.string(), keyCode: z.int().min(1).max(767) }))
    .default([])
    .describe('By the name of the input device and the key code (input-event-codes.h).'),
  watchdog: z.strictObject({ module: z.string() }).nullable().default(null),
  frontPanel: frontPanel.nullable().default(null),
  tpm: z.enum(['built-in', 'optional', 'virtual', 'none', 'unknown']),
  drivers: z
    .array(z.string().regex(/^[a-z0-9_]+$/))
    .default([])
    .describe('Kernel modules that are loaded first, without waiting for what the buses show.'),
});
export type BoardProfile = z.output<typeof boardProfile>;
/** As a file has it: with what has a default left out. */
export type WrittenBoardProfile = z.input<typeof boardProfile>;
