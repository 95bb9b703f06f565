/**
 * The smallest multiple of `step` above `fails` that works, where everything above one that works also works.
 *
 * @param fails a value that is known not to work, or not worth trying
 * @param works a value that is known to work
 */
export async function smallestThatWorks(
  fails: number,
  works: number,
  step: number,
  attempt: (value: number) => Promise<boolean>,
): Promise<number> {
  let low = Math.floor(fails / step);
  let high = Math.ceil(works / step);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (await attempt(middle * step)) high = middle;
    else low = middle;
  }
  return high * step;
}
