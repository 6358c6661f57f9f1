/** Asks for the Deno permissions that a run needs before it begins. */

import { commandWith } from "../shared/command_line.ts";
import { UsageError } from "../shared/errors.ts";
import { isSynthetic } from "../options/choices.ts";
import { modeOf } from "../options/effects.ts";
import type { Settings } from "../options/options.ts";
import { BOARD_FOLDER, MODEL_FOLDER } from "../options/settings.ts";

/** The folders that the program writes to by itself. */
const FOLDERS: readonly string[] = [MODEL_FOLDER, BOARD_FOLDER];
const ALLOW_WRITE = `--allow-write=${FOLDERS.join(",")}`;

/** Flags of `deno run` that avoid all prompts; the last two only make the program faster. */
export const FLAGS = [
  "--allow-read",
  ALLOW_WRITE,
  "--allow-env=XDG_RUNTIME_DIR,LP_NUM_THREADS",
  "--allow-sys=systemMemoryInfo",
] as const;

/** Paths that a run reads and writes; null for none. */
interface Paths {
  readonly read: readonly (string | null)[];
  readonly write?: readonly string[];
}

/** Paths that the root command reads and writes. */
export function usedPaths(settings: Settings): Paths {
  const { data, vocab, prof, tbName } = settings, mode = modeOf(settings);
  const words = mode === "test" ? null : vocab;
  // Even a profile keeps the words of a large text, beside the models.
  const isIdle = prof && isSynthetic(data);
  const boards = mode === "train" && tbName !== null ? [BOARD_FOLDER] : [];
  return {
    read: [isSynthetic(data) ? null : data, words, isIdle ? null : MODEL_FOLDER],
    write: isIdle ? [] : [MODEL_FOLDER, ...boards],
  };
}

/**
 * Requests missing permissions; on a terminal, Deno asks the user.
 *
 * @throws {UsageError} If one is denied; the message has the command that grants everything.
 */
export async function askPermissions({ read, write = [] }: Paths): Promise<void> {
  const needed = [
    ...read.flatMap((path) => path === null ? [] : [{ name: "read", path } as const]),
    ...write.map((path) => ({ name: "write", path }) as const),
  ];
  for (const permission of needed) {
    const { state } = await Deno.permissions.request(permission);
    if (state === "granted") continue;
    const command = commandWith(flagsFor(write));
    throw new UsageError(`May not ${permission.name} ${permission.path}: start it by ${command}`);
  }
}

/** Requests the permission to run a program; on a terminal, Deno asks the user. */
export async function mayRun(command: string): Promise<boolean> {
  return (await Deno.permissions.request({ name: "run", command })).state === "granted";
}

/** Flags for a run that also writes to these paths. */
function flagsFor(write: readonly string[]): readonly string[] {
  const folders = [...new Set([...FOLDERS, ...write])].join(",");
  return FLAGS.map((flag) => flag === ALLOW_WRITE ? `--allow-write=${folders}` : flag);
}
