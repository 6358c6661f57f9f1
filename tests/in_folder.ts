/** A folder of its own for tests that leave files behind. */

/** Runs `body` in an empty folder of its own. */
export async function inFolder(body: () => Promise<void>): Promise<void> {
  const before = Deno.cwd(), folder = Deno.makeTempDirSync();
  Deno.chdir(folder);
  try {
    await body();
  } finally {
    Deno.chdir(before);
    Deno.removeSync(folder, { recursive: true });
  }
}
