/**
 * A copy of Cliffy for networks that reach npm but not JSR. Cliffy is published on JSR only; the
 * package named below carries its command module as JavaScript. Its tarball alone is fetched, not
 * its dependencies, and only Cliffy's files are unpacked.
 */

import { Failure } from "../example/shared/errors.ts";
import { readTgz } from "./tar.ts";

/** The npm package that carries the copy. */
const CARRIER = "windmill-cli@1.596.0";
/** npm's integrity of this tarball. */
export const INTEGRITY =
  "sha512-5aFVNTOEaGyTKyQlyjFI1FAZ8fTIQ2vGSmnqL3FfZuKpKWdqGXh8p9Azdp8N2MkIwyP1vYtOK9nfQk6jr6tRTw==";
/** Without a network, npm would wait for minutes between its attempts, and say nothing. */
const NPM_OPTIONS = [
  ...["--ignore-scripts", "--loglevel=error", "--fetch-retry-mintimeout=1000"],
  "--fetch-retry-maxtimeout=4000",
];
/** Version of the copy, part of its paths in the tarball. */
export const COPY_VERSION = "1.0.0-rc.5";
const ENTRY_SUFFIX = `/cliffy-command/${COPY_VERSION}/mod.js`;
const SHIM = "_dnt.shims.js";
/** The carrier's shim brings a Deno for Node; under Deno the real one is there. */
const SHIM_TEXT =
  "export const Deno = globalThis.Deno;\nexport const dntGlobalThis = globalThis;\n";

/**
 * Fetches the copy through npm, with the registry that the user's npm is set to.
 *
 * @param parent Folder for npm's temporary files; made if missing.
 * @returns Contents of the copy by path; see {@linkcode collectCliffy}.
 * @throws {Failure} If npm is missing, fails, or delivers bytes other than the pinned ones.
 */
export async function fetchCopy(parent: string): Promise<Map<string, Uint8Array>> {
  Deno.mkdirSync(parent, { recursive: true });
  const work = Deno.makeTempDirSync({ dir: parent, prefix: "npm-" });
  try {
    const tarball = await pack(work);
    await checkIntegrity(tarball, INTEGRITY);
    return collectCliffy(await readTgz(tarball));
  } finally {
    Deno.removeSync(work, { recursive: true });
  }
}

/** Downloads the carrier's tarball into the folder with npm, and reads it. */
async function pack(folder: string): Promise<Uint8Array<ArrayBuffer>> {
  const npm = Deno.build.os === "windows" ? "npm.cmd" : "npm";
  const args = ["pack", CARRIER, `--pack-destination=${folder}`, ...NPM_OPTIONS];
  const { success, stderr } = await run(new Deno.Command(npm, { args }));
  if (!success) {
    const [reason] = new TextDecoder().decode(stderr).trim().split("\n");
    throw new Failure(`npm pack ${CARRIER} failed: ${reason}`);
  }
  return Deno.readFileSync(`${folder}/${CARRIER.replace("@", "-")}.tgz`);
}

async function run(command: Deno.Command): Promise<Deno.CommandOutput> {
  try {
    return await command.output();
  } catch (cause) {
    throw new Failure("there is no npm", { cause });
  }
}

/**
 * Checks bytes against a subresource integrity string.
 *
 * @throws {Failure} If they differ.
 */
export async function checkIntegrity(
  bytes: Uint8Array<ArrayBuffer>,
  integrity: string,
): Promise<void> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-512", bytes));
  const found = `sha512-${digest.toBase64()}`;
  if (found !== integrity) {
    throw new Failure(`${CARRIER} is not the known tarball: its integrity is ${found}`);
  }
}

/**
 * Selects Cliffy's entry from the tarball, and every module that it imports, directly or not.
 *
 * @returns The files of the copy by path, its entry being `mod.js`.
 * @throws {Failure} If the entry or an imported module is missing.
 */
export function collectCliffy(files: ReadonlyMap<string, Uint8Array>): Map<string, Uint8Array> {
  const entry = [...files.keys()].find((path) => path.endsWith(ENTRY_SUFFIX));
  if (entry === undefined) throw new Failure(`${CARRIER} has no ${ENTRY_SUFFIX}`);
  const collected = new Map<string, Uint8Array>();
  const waiting = [entry];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (collected.has(path)) continue;
    const bytes = files.get(path);
    if (bytes === undefined) throw new Failure(`${CARRIER} has no ${path}`);
    const module = path.endsWith(`/${SHIM}`) ? new TextEncoder().encode(SHIM_TEXT) : bytes;
    collected.set(path, module);
    waiting.push(...importsOf(path, new TextDecoder().decode(module)));
  }
  const text =
    `export * from "./${entry}";\nexport const VERSION = "${COPY_VERSION} (npm copy)";\n`;
  return collected.set("mod.js", new TextEncoder().encode(text));
}

/** Paths of the modules that the JavaScript module at `path` imports by a relative path. */
function importsOf(path: string, text: string): string[] {
  const statements = text.matchAll(/^(?:import|export)\b[^;"]*"(\.[^"]+)"/gm);
  return [...statements].map((statement) =>
    decodeURIComponent(new URL(statement[1] ?? "", `file:///${path}`).pathname.slice(1))
  );
}
