/** The folder that Cliffy is loaded from. It is made atomically, and a stamp shows that it is complete. */

import { rmSync } from "node:fs";
import { dirname } from "@std/path";
import { filesAt } from "./files.ts";

/** Contents by path within the folder. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** The stamp: its first line is the files' origin, its second their digest. */
const STAMP = "stamp";

/** The origin of the folder's files, or undefined if one is missing, damaged or unknown. */
export async function sourceOf(folder: string): Promise<string | undefined> {
  try {
    const stamp = Deno.readTextFileSync(`${folder}/${STAMP}`);
    const source = stamp.split("\n")[0]!;
    return stamp === await stampOf(source, readFiles(folder)) ? source : undefined;
  } catch {
    return undefined; // the usual case: there is no folder yet
  }
}

/**
 * Replaces the folder's files atomically, so that an interrupted set-up leaves no partial folder.
 *
 * @param source Their origin, as one line.
 */
export async function replaceFolder(folder: string, source: string, files: Files): Promise<void> {
  const work = `${folder}.${Deno.pid}`;
  try {
    writeFiles(work, new Map([...files, [STAMP, encode(await stampOf(source, files))]]));
    rmSync(folder, { recursive: true, force: true });
    Deno.renameSync(work, folder);
  } catch (error) {
    // Another set-up has done the same in the meantime.
    if (await sourceOf(folder) !== source) throw error;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function stampOf(source: string, files: Files): Promise<string> {
  const lines = [...files].map(([path, bytes]) => `${path} ${bytes.toBase64()}`).sort();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-512", encode(lines.join("\n"))));
  return `${source}\n${digest.toBase64()}\n`;
}

function readFiles(folder: string): Files {
  const paths = filesAt(folder).filter((path) => path !== STAMP);
  return new Map(
    paths.map((path) => [path.replaceAll("\\", "/"), Deno.readFileSync(`${folder}/${path}`)]),
  );
}

function writeFiles(folder: string, files: Files): void {
  for (const [path, bytes] of files) {
    const file = `${folder}/${path}`;
    Deno.mkdirSync(dirname(file), { recursive: true });
    Deno.writeFileSync(file, bytes);
  }
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
