/**
 * Lines for `nft -f -` that give a set other elements. Those that stay are left alone: while a set of intervals is made
 * or emptied, and filled in the same transaction, the kernel finds nothing in it from the moment that the transaction
 * counts until the set's own change is done, and whoever passes then is taken for a stranger.
 *
 * @param set family, table and name
 */
export function renderSetChange(set: string, before: readonly string[], after: readonly string[]): string {
  return lines('delete', set, before, after) + lines('add', set, after, before);
}

/** Elements that are not among others, each once. */
function lines(
  verb: 'add' | 'delete',
  set: string,
  of: readonly string[],
  others: readonly string[],
): string {
  const left = new Set(others);
  const elements = [...new Set(of)].filter((element) => !left.has(element));
  return elements.length === 0 ? '' : `${verb} element ${set} { ${elements.join(', ')} }\n`;
}
