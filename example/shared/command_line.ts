/** How the program was started. */

import { fromFileUrl } from "@std/path";

/** The command that starts the program again with its arguments and these flags of `deno run`, for a shell. */
export function commandWith(flags: readonly string[]): string {
  const main = Deno.mainModule, path = main.startsWith("file:") ? fromFileUrl(main) : main;
  return ["deno", "run", ...flags, path, ...Deno.args].map(quoted).join(" ");
}

function quoted(word: string): string {
  return /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
