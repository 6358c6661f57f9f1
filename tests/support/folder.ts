/** Folders that tests write to. */

/** Runs `body` in a folder of its own, of these files, which is the current one meanwhile and removed afterwards. */
export async function inFolder<T>(
  body: (folder: string) => T | Promise<T>,
  files: Readonly<Record<string, string>> = {},
): Promise<T> {
  const before = Deno.cwd(), folder = Deno.makeTempDirSync();
  Deno.chdir(folder);
  try {
    for (const [name, text] of Object.entries(files)) Deno.writeTextFileSync(name, text);
    return await body(folder);
  } finally {
    Deno.chdir(before);
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Names of what is in a folder, in order. */
export function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}
