/** Groups incoming lines into windows of about equal size. */

/** Milliseconds without input that count as a pause. */
const PAUSE_MS = 20;
/** Approximate number of characters in a window: some hundred thousand words. */
const SIZE = 2 ** 19;

/**
 * Groups chunks of lines until they have `size` characters, the input ends, or it pauses. So a user who
 * types one line gets its result at once. An input error is thrown after the lines before it.
 */
export async function* windowsOf(
  chunks: AsyncGenerator<readonly string[]>,
  size = SIZE,
): AsyncGenerator<readonly string[]> {
  let lines: string[] = [], room = size;
  const flush = () => {
    const window = lines;
    [lines, room] = [[], size];
    return window;
  };
  for (;;) {
    const next = settled(chunks.next());
    if (lines.length > 0 && await pauses(next)) yield flush();
    const { result, error } = await next;
    for (const line of result?.value ?? []) {
      lines.push(line);
      if ((room -= line.length + 1) <= 0) yield flush();
    }
    if (result?.done === false) continue;
    if (lines.length > 0) yield flush();
    if (error !== undefined) throw error;
    return;
  }
}

/** The outcome of a promise, so that an error that is examined later does not count as unhandled. */
function settled<T>(promise: Promise<T>): Promise<{ result?: T; error?: unknown }> {
  return promise.then((result) => ({ result }), (error: unknown) => ({ error }));
}

/** Whether the input pauses. */
async function pauses(next: Promise<unknown>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const pause = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(true), PAUSE_MS);
  });
  const isPause = await Promise.race([next.then(() => false), pause]);
  clearTimeout(timer);
  return isPause;
}
