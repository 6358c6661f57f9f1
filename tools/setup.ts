/**
 * Set-up, run by `deno task setup` and before every task that needs it: Cliffy and a WebGPU
 * adapter. It does nothing, quickly and silently, when both are there.
 */

import config from "../deno.json" with { type: "json" };
import { Failure, reasonOf } from "../example/shared/errors.ts";
import { setUpAdapter } from "./adapter.ts";
import { COPY_VERSION, fetchCopy, INTEGRITY } from "./cliffy_copy.ts";
import { replaceFolder, sourceOf } from "./cliffy_folder.ts";

const FOLDER = `${import.meta.dirname}/../.deps/cliffy`;
/** Cliffy's package on JSR, newer than the copy on npm. */
const PACKAGE = config.imports["@cliffy/command"];
/** Time limit for JSR, so that a network that drops connections does not delay set-up through npm. */
const JSR_PATIENCE_MS = 10_000;

async function setUpCliffy(): Promise<void> {
  const source = await sourceOf(FOLDER);
  if (source === INTEGRITY) return;
  if (await jsrAnswers()) {
    if (source !== PACKAGE) await replaceFolder(FOLDER, PACKAGE, reexport());
    return;
  }
  try {
    await replaceFolder(FOLDER, INTEGRITY, await fetchCopy(`${import.meta.dirname}/../.deps`));
  } catch (cause) {
    const message = "Cannot get Cliffy, the command line library: JSR does not answer, and " +
      `${reasonOf(cause)}; run this again where either registry can be reached`;
    throw new Failure(message, { cause });
  }
  console.error(`Took Cliffy ${COPY_VERSION} from npm into .deps/cliffy (JSR does not answer)`);
}

/** A module that re-exports the package, in the folder that the program loads Cliffy from. */
function reexport(): Map<string, Uint8Array> {
  const version = PACKAGE.split("@").at(-1);
  const text = `export * from "${PACKAGE}";\nexport const VERSION = "${version} (JSR)";\n`;
  return new Map([["mod.js", new TextEncoder().encode(text)]]);
}

/** Whether JSR, or Deno's cache, serves the package. */
async function jsrAnswers(): Promise<boolean> {
  const late = new Promise<false>((resolve) => setTimeout(resolve, JSR_PATIENCE_MS, false));
  return await Promise.race([import(PACKAGE).then(() => true, () => false), late]);
}

try {
  await setUpCliffy();
  await setUpAdapter();
  Deno.exit(0);
} catch (error) {
  console.error(`error: ${reasonOf(error)}`);
  Deno.exit(1);
}
