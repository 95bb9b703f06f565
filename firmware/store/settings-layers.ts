import { shapeProblem } from '../bytes/json-shape.ts';
import { limits } from './limits.ts';
import { type Parsed, problemOfWhole, problemsOf, type SettingsProblem } from './settings-problem.ts';
import {
  defaultSettings,
  type Settings,
  type SettingsLayer,
  settings,
  settingsLayer,
} from './settings-schema.ts';

/** The layers above the defaults, lowest first: a later one wins. */
export const layerNames = ['boardProfile', 'platformMetadata', 'saved', 'commandLine'] as const;
export type LayerName = (typeof layerNames)[number];
export type SettingsLayers = { readonly [name in LayerName]?: SettingsLayer | undefined };

/**
 * Lays the layers over the defaults and validates the whole. Objects are merged member by member; everything else, lists
 * too, replaces what is below it: a layer that names peers names all of them. An object replaces a value that is none
 * (`ipv4: { address }` over `ipv4: "dhcp"`), and the other way round.
 */
export function mergeLayers(layers: SettingsLayers): Parsed<Settings> {
  let document: unknown = defaultSettings;
  for (const name of layerNames) document = mergeDocuments(document, layers[name]);
  const checked = settings.safeParse(document);
  return checked.success
    ? { ok: true, value: checked.data }
    : { ok: false, problems: problemsOf(checked.error) };
}

export type SettingsInForce = {
  readonly settings: Settings;
  /** Layers that were left out, since with them the whole was not valid. */
  readonly rejected: readonly { readonly layer: LayerName; readonly problems: readonly SettingsProblem[] }[];
};

/**
 * As `mergeLayers`, but a layer with which the whole is not valid is left out and reported, so that one bad layer does
 * not take the box off the network.
 */
export function settingsInForce(layers: SettingsLayers): SettingsInForce {
  let accepted: SettingsLayers = {};
  let inForce: Settings = defaultSettings;
  const rejected: { layer: LayerName; problems: readonly SettingsProblem[] }[] = [];
  for (const layer of layerNames) {
    if (layers[layer] === undefined) continue;
    const candidate = { ...accepted, [layer]: layers[layer] };
    const merged = mergeLayers(candidate);
    if (merged.ok) {
      accepted = candidate;
      inForce = merged.value;
    } else {
      rejected.push({ layer, problems: merged.problems });
    }
  }
  return { settings: inForce, rejected };
}

/** Reads one layer from JSON text of at most `limits.documentSize` octets in UTF-8. */
export function parseSettingsLayer(text: string): Parsed<SettingsLayer> {
  // A code unit is at least an octet: the first test spares the encoding of a text that is far too long.
  if (text.length > limits.documentSize || new TextEncoder().encode(text).length > limits.documentSize) {
    return problemOfWhole(`the document has more than ${limits.documentSize} octets`);
  }
  const shape = shapeProblem(text, limits.documentShape);
  if (shape !== null) return problemOfWhole(`the document is too large: ${shape}`);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    return problemOfWhole(
      `the document is no JSON: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const checked = settingsLayer.safeParse(document);
  if (!checked.success) return { ok: false, problems: problemsOf(checked.error) };
  // Not the checked data: zod has filled in defaults, which would hide what lower layers say.
  return { ok: true, value: document as SettingsLayer };
}

function mergeDocuments(below: unknown, above: unknown): unknown {
  if (above === undefined) return below;
  if (!isObject(below) || !isObject(above)) return above;
  const names = new Set([...Object.keys(below), ...Object.keys(above)]);
  // fromEntries defines members and never calls a setter, so a member named __proto__ stays a member.
  return Object.fromEntries(
    [...names].map((name) => [name, mergeDocuments(own(below, name), own(above, name))]),
  );
}

function own(document: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(document, name) ? document[name] : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
