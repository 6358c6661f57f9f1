/** What the program that started the ranks says of them in the environment. */

import { commandWith } from "../shared/command_line.ts";
import { UsageError } from "../shared/errors.ts";
import { LIBRARY_VARIABLE, type MpiConstants } from "./mpi_library.ts";

/** A launcher's variables, and the libraries that its ranks use. */
interface Launcher {
  readonly name: string;
  readonly size: string;
  readonly rank: string;
  readonly kind?: MpiConstants["abi"];
  readonly install?: string;
}

/** Open MPI's own come first: its daemons may have been started by Slurm. */
const LAUNCHERS: readonly Launcher[] = [
  {
    name: "Open MPI's mpirun",
    size: "OMPI_COMM_WORLD_SIZE",
    rank: "OMPI_COMM_WORLD_RANK",
    kind: "Open MPI",
    install: "openmpi-bin",
  },
  { name: "MPICH's mpirun", size: "PMI_SIZE", rank: "PMI_RANK", kind: "MPICH", install: "mpich" },
  { name: "srun", size: "SLURM_STEP_NUM_TASKS", rank: "SLURM_PROCID" },
];

/** The variables that are read. */
const VARIABLES = [LIBRARY_VARIABLE, ...LAUNCHERS.flatMap(({ size, rank }) => [size, rank])];

/** Flags of `deno run` that let a rank do all that it does. */
const FLAGS = ["--allow-ffi", "--allow-env", "--allow-read", "--allow-write=saved_model,runs"];

/** What is known of the ranks before MPI begins. */
export interface Launched {
  readonly by?: Launcher;
  readonly size?: number;
  readonly rank?: number;
  /** The library that the user named. */
  readonly library?: string;
}

/**
 * Reads the environment.
 *
 * @throws {UsageError} If the program may not read it or not call a library; the message has the command
 * that grants both.
 */
export function launched(): Launched {
  const granted = [
    Deno.permissions.querySync({ name: "ffi" }),
    ...VARIABLES.map((variable) => Deno.permissions.querySync({ name: "env", variable })),
  ];
  if (granted.some(({ state }) => state !== "granted")) {
    throw new UsageError(`May not call MPI: start each rank by ${commandWith(FLAGS)}`);
  }
  const library = Deno.env.get(LIBRARY_VARIABLE), named = library ? { library } : {};
  const by = LAUNCHERS.find(({ size }) => Deno.env.get(size) !== undefined);
  if (by === undefined) return named;
  const number = (variable: string) => Number(Deno.env.get(variable));
  return { by, size: number(by.size), rank: number(by.rank), ...named };
}

/** What is wrong if MPI finds `size` ranks and the launcher started others; undefined if nothing is. */
export function mismatch(
  { by, size }: Launched,
  found: number,
  library: string,
): string | undefined {
  if (by === undefined || size === found) return undefined;
  const cure = by.install === undefined
    ? "start it with an --mpi plug-in that suits the library (srun --mpi=list)"
    : `install ${by.install}, or start it with the library's own mpirun`;
  return `${by.name} started ${size} ranks, but ${library} finds ${found}: they do not belong ` +
    `together; ${cure}, or name the library by ${LIBRARY_VARIABLE}`;
}
