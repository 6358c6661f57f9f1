/** Starts ranks by the launchers that are installed. */

import type { Outcome } from "./process.ts";

/** A launcher, and the words that precede the program's. */
export interface Launcher {
  readonly name: string;
  readonly words: string;
}

/** Debian's names of both launchers; the options let root start more ranks than there are cores. */
export const LAUNCHERS: readonly Launcher[] = [
  {
    name: "Open MPI",
    words: "mpirun.openmpi --allow-run-as-root --oversubscribe --bind-to none",
  },
  {
    name: "Open MPI over TCP",
    words: "mpirun.openmpi --allow-run-as-root --oversubscribe --bind-to none --mca btl self,tcp",
  },
  { name: "MPICH", words: "mpirun.mpich" },
];

/** Runs a command of the shell in a folder. */
export async function shell(command: string, cwd: string): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", command],
    cwd,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const [out = "", err = ""] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out, err };
}

/** The launchers that are installed. */
export async function installed(): Promise<Launcher[]> {
  const found = await Promise.all(
    LAUNCHERS.map(({ words }) => shell(`command -v ${words.split(" ")[0]}`, ".")),
  );
  return LAUNCHERS.filter((_, i) => found[i]!.code === 0);
}

/** The command that runs a program of Deno. */
export const DENO = `'${Deno.execPath()}' run --no-prompt --allow-all`;

/** Runs `size` ranks of a program of Deno in a folder. */
export function mpirun(
  { words }: Launcher,
  size: number,
  program: string,
  cwd = ".",
): Promise<Outcome> {
  return shell(`${words} -n ${size} ${DENO} ${program}`, cwd);
}
