/** Chromium without a window, on its own software GPU. */

import { serveFiles } from "./server.ts";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--disable-background-networking",
  "--disable-component-update",
];

/** The module that the page runs: `run`, what it gives, and what goes wrong are sent back. */
const script = (run: string) => `
  let answer;
  try {
    answer = { value: await (async () => { ${run} })() };
  } catch (error) {
    answer = { error: String(error.stack ?? error) };
  }
  await fetch("/", { method: "POST", body: JSON.stringify(answer) });
`;

/** Removes a folder to which Chromium's other processes may write for a moment longer. */
async function removeFolder(path: string): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      return Deno.removeSync(path, { recursive: true });
    } catch (error) {
      if (attempt === 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/**
 * Runs a page of which `files` can be imported.
 *
 * @param run Body of an asynchronous function; what it returns goes through JSON.
 * @throws {Error} What the page threw, or that Chromium ended without an answer.
 */
export async function runInChromium(
  files: ReadonlyMap<string, string>,
  run: string,
): Promise<unknown> {
  const page = '<!doctype html><script type="module" src="run.js"></script>';
  const served = new Map([...files, ["page.html", page], ["run.js", script(run)]]);
  await using server = serveFiles(served);
  const profile = Deno.makeTempDirSync();
  const stop = new AbortController();
  const chromium = new Deno.Command(Deno.env.get("CHROMIUM") ?? "chromium", {
    args: [...FLAGS, `--user-data-dir=${profile}`, `${server.url}/page.html`],
    env: { TMPDIR: profile },
    signal: stop.signal,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const ended = chromium.status.then(({ code }) => {
    throw new Error(`Chromium ended with code ${code} before the page was done`);
  });
  try {
    const answer = JSON.parse(await Promise.race([server.posted, ended]));
    if ("error" in answer) throw new Error(answer.error);
    return answer.value;
  } finally {
    ended.catch(() => {});
    stop.abort();
    await chromium.status;
    await removeFolder(profile);
  }
}
