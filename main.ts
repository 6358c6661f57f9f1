/** The command line: ends the process with the exit code of what its words ask for. */

import { main } from "./example/cli/main.ts";
import { consoleIo } from "./example/shared/io.ts";

if (import.meta.main) Deno.exit(await main(Deno.args, consoleIo()));
