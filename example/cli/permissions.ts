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

/**
 * Asks for what the run needs and does not have; on a terminal the user is asked.
 *
 * @throws {UsageError} If something is denied; the message names the flags that grant all.
 */
export async function askPermissions(settings: PathSettings): Promise<void> {
  for (const permission of neededPermissions(settings)) {
    const { state } = await Deno.permissions.request(permission);
    if (state === "granted") continue;
    throw new UsageError(
      `May not ${permission.name} ${permission.path}: start it by deno run ${FLAGS.join(" ")}`,
    );
  }
}

/** What the run reads and writes. */
function neededPermissions({ data, vocab, prof }: PathSettings): PathPermission[] {
  const read = [isSynthetic(data) ? null : data, vocab, prof ? null : MODEL_FOLDER]
    .filter((path) => path !== null);
  const write = prof ? [] : [MODEL_FOLDER];
  return [
    ...read.map((path) => ({ name: "read", path }) as const),
    ...write.map((path) => ({ name: "write", path }) as const),
  ];
}

type PathPermission = (Deno.ReadPermissionDescriptor | Deno.WritePermissionDescriptor) & {
  path: string;
};
