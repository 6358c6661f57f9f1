/**
 * Set-up, run by `deno task setup` and before every task that needs it: Cliffy and a WebGPU
 * adapter. It does nothing, quickly and silently, when both are there.
 */

import { Failure } from "../example/errors.ts";
import { hasAdapter, installAdapter } from "./adapter.ts";
import { loadFromJsr } from "./cliffy.ts";
import { COPY_VERSION, hasCopy, takeCopy } from "./cliffy_copy.ts";

const COPY_FOLDER = `${import.meta.dirname}/../.deps/cliffy`;
/** A network that drops connections must not hold up those who can use npm. */
const JSR_PATIENCE_MS = 10_000;

async function setUpCliffy(): Promise<void> {
  if (hasCopy(COPY_FOLDER) || await jsrAnswers()) return;
  try {
    await takeCopy(COPY_FOLDER);
  } catch (cause) {
    const message = "Cannot get Cliffy, the command line library: JSR does not answer, and " +
      `${messageOf(cause)}; run this again where either registry can be reached`;
    throw new Failure(message, { cause });
  }
  console.error(`Took Cliffy ${COPY_VERSION} from npm into .deps/cliffy (JSR does not answer)`);
}

/** Whether JSR, or Deno's cache of it, serves the newer Cliffy that deno.json names. */
async function jsrAnswers(): Promise<boolean> {
  const late = new Promise<false>((resolve) => setTimeout(resolve, JSR_PATIENCE_MS, false));
  return await Promise.race([loadFromJsr().then(() => true, () => false), late]);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

try {
  await setUpCliffy();
  if (!await hasAdapter()) await installAdapter();
  Deno.exit(0);
} catch (error) {
  console.error(`error: ${messageOf(error)}`);
  Deno.exit(1);
}
