/** Binary search. */

/** The first of the indices from 0 to `count` - 1 at which `holds`, or `count`: it holds from one index on. */
export function firstIndex(count: number, holds: (index: number) => boolean): number {
  let low = 0, high = count;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
