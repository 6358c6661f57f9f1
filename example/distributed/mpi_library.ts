/** The system's MPI library: which one it is, and the functions that are used of it. */

import { Failure, reasonOf } from "../shared/errors.ts";

/** Handles and constants that differ between libraries; every handle is passed as one 64-bit word. */
export interface MpiConstants {
  /** Which of the three binary interfaces it is. */
  readonly abi: "MPI 5" | "Open MPI" | "MPICH";
  readonly world: bigint;
  readonly byte: bigint;
  readonly errorsReturn: bigint;
  readonly statusIgnore: bigint;
}

const HANDLE = "u64", POINTER = "buffer", INT = "i32";
const MANY = [POINTER, POINTER, POINTER, HANDLE] as const;

/** The functions: none waits for other ranks but the first and the last. */
const FUNCTIONS = {
  MPI_Init_thread: { parameters: [HANDLE, HANDLE, INT, POINTER], result: INT },
  MPI_Comm_rank: { parameters: [HANDLE, POINTER], result: INT },
  MPI_Comm_size: { parameters: [HANDLE, POINTER], result: INT },
  MPI_Comm_set_errhandler: { parameters: [HANDLE, HANDLE], result: INT },
  MPI_Error_string: { parameters: [INT, POINTER, POINTER], result: INT },
  MPI_Get_processor_name: { parameters: [POINTER, POINTER], result: INT },
  MPI_Get_library_version: { parameters: [POINTER, POINTER], result: INT },
  MPI_Iallgatherv: { parameters: [POINTER, INT, HANDLE, ...MANY, HANDLE, POINTER], result: INT },
  MPI_Ialltoallv: { parameters: [...MANY, ...MANY, HANDLE, POINTER], result: INT },
  MPI_Ibcast: { parameters: [POINTER, INT, HANDLE, INT, HANDLE, POINTER], result: INT },
  MPI_Isend: { parameters: [POINTER, INT, HANDLE, INT, INT, HANDLE, POINTER], result: INT },
  MPI_Irecv: { parameters: [POINTER, INT, HANDLE, INT, INT, HANDLE, POINTER], result: INT },
  MPI_Test: { parameters: [POINTER, POINTER, HANDLE], result: INT },
  MPI_Abort: { parameters: [HANDLE, INT], result: INT },
  MPI_Finalize: { parameters: [], result: INT },
  ioctl: { parameters: [INT, HANDLE, POINTER], result: INT }, // the system's, which the library uses, too
} as const;

/** What tells the libraries apart. */
const MARKS = {
  MPI_Abi_get_version: { parameters: [POINTER, POINTER], result: INT, optional: true },
  ompi_mpi_comm_world: { type: "pointer", optional: true },
  ompi_mpi_byte: { type: "pointer", optional: true },
  ompi_mpi_errors_return: { type: "pointer", optional: true },
} as const;

/** The library's functions. */
export type MpiFunctions = Deno.StaticForeignLibraryInterface<typeof FUNCTIONS>;

/** An open library. */
export interface MpiLibrary {
  readonly name: string;
  readonly constants: MpiConstants;
  readonly functions: MpiFunctions;
}

/** The variable that names the library, a path or a name that the system finds. */
export const LIBRARY_VARIABLE = "NCE_MPI_LIBRARY";

/** Names by interface: Debian's and most others', Intel's and Cray's last. */
const NAMES = {
  "MPI 5": ["libmpi_abi.so.0"],
  "Open MPI": ["libmpi.so.40"],
  "MPICH": ["libmpich.so.12", "libmpi.so.12", "libmpi_cray.so.12"],
};
const MAC_NAMES = {
  "MPI 5": ["libmpi_abi.0.dylib"],
  "Open MPI": ["libmpi.40.dylib"],
  "MPICH": ["libmpi.12.dylib"],
};

/**
 * Opens the library that suits the launcher: the one that `chosen` names, else the first that is there of those
 * of the launcher's kind.
 *
 * @throws {Failure} If there is none; the message names the package.
 */
export function openLibrary(
  kind: MpiConstants["abi"] | undefined,
  chosen: string | undefined,
): MpiLibrary {
  const names = Deno.build.os === "darwin" ? MAC_NAMES : NAMES;
  const kinds = kind === undefined
    ? ["MPI 5", "Open MPI", "MPICH"] as const
    : [kind, "MPI 5"] as const;
  const tried = chosen !== undefined ? [chosen] : kinds.flatMap((kind) => names[kind]);
  const reasons: string[] = [];
  for (const name of tried) {
    try {
      return open(name);
    } catch (error) {
      reasons.push(reasonOf(error));
    }
  }
  if (chosen !== undefined) {
    throw new Failure(
      `Cannot load ${LIBRARY_VARIABLE}=${chosen}: ${reasons[0]}; give the path of an MPI library`,
    );
  }
  const packages = { "Open MPI": "openmpi-bin", "MPICH": "mpich", "MPI 5": "mpich" };
  throw new Failure(
    `There is no MPI library for --distributed (looked for ${tried.join(", ")}): install ` +
      `${
        kind === undefined ? "openmpi-bin or mpich" : packages[kind]
      }, or name one by ${LIBRARY_VARIABLE}`,
  );
}

function open(name: string): MpiLibrary {
  const marks = Deno.dlopen(name, MARKS).symbols;
  // Never closed: Open MPI's threads outlive the last call.
  const functions = Deno.dlopen(name, FUNCTIONS).symbols;
  return { name, constants: constantsOf(marks), functions };
}

function constantsOf(marks: Deno.StaticForeignLibraryInterface<typeof MARKS>): MpiConstants {
  const version = new Int32Array(2);
  marks.MPI_Abi_get_version?.(version.subarray(0, 1), version.subarray(1));
  if (version[0]! > 0) {
    return {
      abi: "MPI 5",
      world: 0x101n,
      byte: 0x247n,
      errorsReturn: 0x143n,
      statusIgnore: 0n,
    };
  }
  const { ompi_mpi_comm_world: world, ompi_mpi_byte: byte, ompi_mpi_errors_return: errors } = marks;
  if (world && byte && errors) {
    const address = (pointer: Deno.PointerObject) => BigInt(Deno.UnsafePointer.value(pointer));
    return {
      abi: "Open MPI",
      world: address(world),
      byte: address(byte),
      errorsReturn: address(errors),
      statusIgnore: 0n,
    };
  }
  return {
    abi: "MPICH",
    world: 0x44000000n,
    byte: 0x4c00010dn,
    errorsReturn: 0x54000001n,
    statusIgnore: 1n,
  };
}
