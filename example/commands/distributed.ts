/** `--distributed`: runs as one of the ranks that a launcher has started. */

import { type Mpi, openMpi } from "../distributed/mpi.ts";
import { atRank, type Io } from "../shared/io.ts";
import { Failure, UsageError } from "../shared/errors.ts";
import type { Settings } from "../options/options.ts";

/**
 * Runs `body` as a rank; only rank 0 prints. An error of any rank ends all, with one line that names the rank.
 *
 * @throws {UsageError} If the program may not call MPI.
 * @throws {Failure} If there is no MPI library, or it does not suit the launcher.
 */
export async function asRank(
  settings: Settings,
  io: Io,
  body: (mpi: Mpi, io: Io) => Promise<void>,
): Promise<void> {
  const mpi = await openMpi(settings.rankTimeout), { rank } = mpi;
  try {
    await body(mpi, atRank(io, rank));
    await mpi.finalize();
  } catch (error) {
    await mpi.fail(error);
    throw named(rank, error);
  }
}

/** The error with the rank before its message. */
function named(rank: number, error: unknown): unknown {
  if (rank === 0 || !(error instanceof Error)) return error;
  const message = `rank ${rank}: ${error.message}`, options = { cause: error };
  if (error instanceof UsageError) return new UsageError(message, options);
  return error instanceof Failure
    ? new Failure(message, options)
    : Object.assign(error, { message });
}
