/** The permissions of Deno that a run needs, asked for before it begins. */

import { UsageError } from "../shared/errors.ts";
import { isSynthetic, MODEL_FOLDER, type Settings } from "../options/settings.ts";

/** Flags of `deno run` that let the program run without a question; the last only makes it faster. */
export const FLAGS = [
  "--allow-read",
  `--allow-write=${MODEL_FOLDER}`,
  "--allow-env=XDG_RUNTIME_DIR,LP_NUM_THREADS",
] as const;

/** Settings that say what is read and written. */
type PathSettings = Pick<Settings, "data" | "vocab" | "prof">;

/** What a run reads and writes; null stands for nothing. */
interface Paths {
  readonly read: readonly (string | null)[];
  readonly write?: readonly string[];
}

/** What the root command reads and writes. */
export function pathsOf({ data, vocab, prof }: PathSettings): Paths {
  return {
    read: [isSynthetic(data) ? null : data, vocab, prof ? null : MODEL_FOLDER],
    write: prof ? [] : [MODEL_FOLDER],
  };
}

/**
 * Asks for what the run needs and does not have; on a terminal the user is asked.
 *
 * @throws {UsageError} If something is denied; the message names the flags that grant all.
 */
export async function askPermissions({ read, write = [] }: Paths): Promise<void> {
  const needed = [
    ...read.flatMap((path) => path === null ? [] : [{ name: "read", path } as const]),
    ...write.map((path) => ({ name: "write", path }) as const),
  ];
  for (const permission of needed) {
    const { state } = await Deno.permissions.request(permission);
    if (state === "granted") continue;
    const flags = flagsFor(write).join(" "), { name, path } = permission;
    throw new UsageError(`May not ${name} ${path}: start it by deno run ${flags}`);
  }
}

/** The flags that let a run write to these folders, too. */
function flagsFor(write: readonly string[]): string[] {
  const more = write.filter((path) => path !== MODEL_FOLDER).map((path) => `,${path}`).join("");
  return FLAGS.map((flag) => flag.startsWith("--allow-write") ? flag + more : flag);
}
