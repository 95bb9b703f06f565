/** Reads `nft -j list set` of the set that counts connections: packets by rule number. */
export function parseHits(text: string): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const { set } of listed(text) as { set?: { elem?: unknown[] } }[])
    for (const element of set?.elem ?? []) {
      const { elem } = element as { elem?: { val?: unknown; counter?: { packets?: unknown } } };
      if (typeof elem?.val === 'number' && typeof elem.counter?.packets === 'number')
        counts.set(elem.val, elem.counter.packets);
    }
  return counts;
}

/** Reads `nft -j list counters`: packets by name. */
export function parseCounters(text: string): Readonly<Record<string, number>> {
  return Object.fromEntries(
    (listed(text) as { counter?: { name?: unknown; packets?: unknown } }[]).flatMap(({ counter }) =>
      typeof counter?.name === 'string' && typeof counter.packets === 'number'
        ? [[counter.name, counter.packets] as const]
        : [],
    ),
  );
}

/** What a table of the policy has counted: connections by rule number, and what its counters say by name. */
export type Counts = {
  readonly hits: ReadonlyMap<number, number>;
  readonly counters: Readonly<Record<string, number>>;
};

export function addCounts(tables: readonly Counts[]): Counts {
  const hits = new Map<number, number>();
  const counters: Record<string, number> = {};
  for (const table of tables) {
    for (const [rule, count] of table.hits) hits.set(rule, (hits.get(rule) ?? 0) + count);
    for (const [name, count] of Object.entries(table.counters))
      counters[name] = (counters[name] ?? 0) + count;
  }
  return { hits, counters };
}

function listed(text: string): readonly object[] {
  try {
    const { nftables } = JSON.parse(text) as { nftables?: unknown };
    return Array.isArray(nftables)
      ? nftables.filter((item) => typeof item === 'object' && item !== null)
      : [];
  } catch {
    return [];
  }
}
