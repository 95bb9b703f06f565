import { z } from '@hono/zod-openapi';
import { limits } from '../limits.ts';

/** What is asked of a list that can be had in parts; all of it unless told. */
export const listingQuery = z.object({
  after: z
    .string()
    .min(1)
    .max(limits.listingKeyLength)
    .optional()
    .openapi({ description: '`after` of the part before this one' }),
  limit: z.coerce.number().int().min(1).max(limits.listedAtOnce).optional(),
});
export type ListingQuery = z.infer<typeof listingQuery>;

/** In the answer beside the part; null with the last one. */
export const listingAfter = z.string().nullable();

/**
 * The part of a list that comes after a key, in the order of the keys. What comes and goes between two parts moves nothing
 * else: each of the others is in exactly one of them.
 */
export function partOf<Item>(
  list: readonly Item[],
  { after, limit }: ListingQuery,
  keyOf: (item: Item) => string,
): { readonly part: readonly Item[]; readonly after: string | null } {
  const keyed = list
    .map((item) => ({ item, key: keyOf(item) }))
    .filter(({ key }) => after === undefined || key > after)
    .sort((left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0));
  const chosen = keyed.slice(0, limit);
  const isLast = chosen.length === keyed.length;
  return { part: chosen.map(({ item }) => item), after: isLast ? null : (chosen.at(-1)?.key ?? null) };
}
