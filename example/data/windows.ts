/** Lines as they come in, gathered to windows of about one size. */

/** Milliseconds after which an input that gives nothing is taken to pause. */
const PAUSE_MS = 20;
/** Characters of a window, about: some hundred thousand words. */
const SIZE = 2 ** 19;

/**
 * Gathers chunks of lines until they have `size` characters, the input ends, or it pauses: whoever writes
 * a line and waits for its result gets it. What is wrong with the input is thrown after the lines before.
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

/** What a promise comes to: a failure that is looked at later is none that nobody handles. */
function settled<T>(promise: Promise<T>): Promise<{ result?: T; error?: unknown }> {
  return promise.then((result) => ({ result }), (error: unknown) => ({ error }));
}

/** Whether nothing comes for a while. */
async function pauses(next: Promise<unknown>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const pause = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(true), PAUSE_MS);
  });
  const isPause = await Promise.race([next.then(() => false), pause]);
  clearTimeout(timer);
  return isPause;
}
