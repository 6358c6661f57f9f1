/** The permissions of Deno that a run needs, asked for before it begins. */

import { UsageError } from "../shared/errors.ts";
import {
  BOARD_FOLDER,
  isSynthetic,
  MODEL_FOLDER,
  modeOf,
  type Settings,
} from "../options/settings.ts";

/** Flags of `deno run` that let the program run without a question; the last only makes it faster. */
export const FLAGS = [
  "--allow-read",
  `--allow-write=${MODEL_FOLDER}`,
  "--allow-env=XDG_RUNTIME_DIR,LP_NUM_THREADS",
] as const;

/** Settings that say what is read and written. */
type PathSettings = Pick<Settings, "data" | "vocab" | "train" | "prof" | "tbName">;

/** What a run reads and writes; null stands for nothing. */
interface Paths {
  readonly read: readonly (string | null)[];
  readonly write?: readonly string[];
}

/** What the root command reads and writes. */
export function pathsOf(settings: PathSettings): Paths {
  const { data, vocab, prof, tbName } = settings, mode = modeOf(settings);
  const words = mode === "test" ? null : vocab;
  const boards = mode === "train" && tbName !== null ? [BOARD_FOLDER] : [];
  return {
    read: [isSynthetic(data) ? null : data, words, prof ? null : MODEL_FOLDER],
    write: prof ? [] : [MODEL_FOLDER, ...boards],
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
    const flags = flagsFor(write).join(" ");
    throw new UsageError(
      `May not ${permission.name} ${permission.path}: start it by deno run ${flags}`,
    );
  }
}

/** The flags for a run that writes to these paths, too. */
function flagsFor(write: readonly string[]): readonly string[] {
  const folders = [...new Set([MODEL_FOLDER, ...write])].join(",");
  return FLAGS.map((flag) =>
    flag.replace(`--allow-write=${MODEL_FOLDER}`, `--allow-write=${folders}`)
  );
}
