import { z } from '@hono/zod-openapi';
import { limits } from '../limits.ts';
import {
  type ConfigurationResult,
  refusals,
  refuse,
  type SettingsApplied,
  settingsApplied,
} from './config-route.ts';
import { type Api, apiRoute, authorOf } from './route.ts';
import { body } from './route-content.ts';

const name = z.string().min(1).max(limits.policyEndLength);
/** Bounded here by what a request may carry alone: the settings say what a MAC, an address and a label are. */
const texts = z.array(z.string().max(limits.policyEndLength)).max(limits.deviceTexts);

const accepted = z
  .strictObject({
    name,
    /** By which it is known wherever its addresses change to. */
    mac: z.string().max(limits.policyEndLength).optional(),
    addresses: texts.optional(),
    labels: texts.optional(),
  })
  .openapi('AcceptedDevice');
export type AcceptedDevice = z.infer<typeof accepted>;

/** Devices as people name them, in the settings. */
export interface DeviceChanges {
  /** Of a device that is there already, what is given is changed. */
  accept(devices: readonly AcceptedDevice[], author: string): Promise<ConfigurationResult<SettingsApplied>>;
  label(
    name: string,
    labels: readonly string[],
    author: string,
  ): Promise<ConfigurationResult<SettingsApplied>>;
  forget(names: readonly string[], author: string): Promise<ConfigurationResult<SettingsApplied>>;
}

const author = z.string().min(1).max(limits.authorLength).optional();
const responses = {
  200: {
    description: 'In force, and confirmed once peers and page are reachable',
    content: { 'application/json': { schema: settingsApplied } },
  },
  ...refusals,
};

const devicesRoutes = {
  accept: apiRoute({
    method: 'post',
    path: '/api/v1/devices/accept',
    access: 'change',
    bodyBytes: limits.settingsBodyBytes,
    summary: 'Gives devices names and labels in the settings, by which rules know them',
    request: body(z.strictObject({ devices: z.array(accepted).min(1).max(limits.devicesAtOnce), author })),
    responses,
  }),
  label: apiRoute({
    method: 'post',
    path: '/api/v1/devices/label',
    access: 'change',
    summary: 'Gives a device these labels in place of those that it has',
    request: body(z.strictObject({ name, labels: texts, author })),
    responses,
  }),
  forget: apiRoute({
    method: 'post',
    path: '/api/v1/devices/forget',
    access: 'change',
    bodyBytes: limits.settingsBodyBytes,
    summary: 'Takes devices out of the settings',
    request: body(z.strictObject({ names: z.array(name).min(1).max(limits.devicesAtOnce), author })),
    responses,
  }),
};

export function addDevicesRoutes(api: Api, devices: DeviceChanges): void {
  api.openapi(devicesRoutes.accept, async (context) => {
    const given = context.req.valid('json');
    const result = await devices.accept(given.devices, authorOf(context, given.author));
    return result.ok ? context.json(result.value, 200) : refuse(context, result);
  });
  api.openapi(devicesRoutes.label, async (context) => {
    const given = context.req.valid('json');
    const result = await devices.label(given.name, given.labels, authorOf(context, given.author));
    return result.ok ? context.json(result.value, 200) : refuse(context, result);
  });
  api.openapi(devicesRoutes.forget, async (context) => {
    const given = context.req.valid('json');
    const result = await devices.forget(given.names, authorOf(context, given.author));
    return result.ok ? context.json(result.value, 200) : refuse(context, result);
  });
}
