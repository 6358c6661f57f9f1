/** Folders that tests write to. */

/** Runs `body` with a temporary folder of these files as the current folder; removes it afterwards. */
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

/** Sorted names in a folder. */
export function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}
