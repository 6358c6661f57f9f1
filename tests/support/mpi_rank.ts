/** A rank of the tests of MPI: does what its argument says, and prints what came of it as JSON. */

import { openMpi } from "../../example/distributed/mpi.ts";
import { exchanged } from "./exchange.ts";

if (import.meta.main) {
  const [task, timeout = "20"] = Deno.args, mpi = await openMpi(Number(timeout));
  try {
    await mpi.barrier();
    switch (task) {
      case "exchange":
        if (mpi.host === "") throw new Error("MPI does not know its machine's name");
        console.log(JSON.stringify(await exchanged(mpi)));
        break;
      case "hang": // as if this machine were frozen
        if (mpi.rank === 1) Deno.kill(Deno.pid, "SIGSTOP");
        break;
      case "kill":
        if (mpi.rank === 1) Deno.kill(Deno.pid, "SIGKILL");
        break;
      case "fail":
        if (mpi.rank === 1) throw new Error("no memory for a tensor");
        await mpi.barrier().finally(() => mpi.barrier()); // who cleans up may wait, too
        break;
      case "large": // too much for MPI, by a number that is small in 32 bits
        await mpi.gather(new Uint32Array(mpi.rank === 1 ? 2 ** 30 + 1 : 1));
        break;
      case "lengths": // the library's own error
        await mpi.broadcast(new Uint32Array(mpi.rank === 0 ? 2 : 1));
        break;
      case "busy": // a call that is refused here alone
        if (mpi.rank === 1) mpi.barrier();
        await mpi.barrier();
    }
    await mpi.barrier();
    await mpi.finalize();
    Deno.exit(0);
  } catch (error) {
    await mpi.fail(error);
    console.error(`error: ${(error as Error).message}`);
    Deno.exit(1);
  }
}
