/**
 * npm's package where it is used: unbundled in Chromium, and bundled with Vite, Rollup, esbuild and webpack,
 * in Deno, in Chromium and in Node; and its types, by the settings of Vite's template. `deno task check:package`
 * needs Node 24 with npm (NODE names another program than `node`), and Chromium (CHROMIUM likewise).
 */

import { format as formatBytes } from "@std/fmt/bytes";
import { fromFileUrl, join, toFileUrl } from "@std/path";
import { prepareDriver } from "../../example/shared/driver.ts";
import { pack } from "../../tools/pack.ts";
import { filesAt } from "../../tools/files.ts";
import { packForNpm } from "../../tools/pack_npm.ts";
import * as library from "../support/library.ts";
import { bundleAll } from "./bundlers.ts";
import { runInChromium } from "./chromium.ts";
import { ENTRIES, exportAll, NAMES } from "./entries.ts";
import { runInNode } from "./node.ts";
import { trainAll } from "./train.ts";

/** Other adapters sum in another order. */
const TOLERANCE = 1e-4;

/** A module whose `losses()` trains by these. */
function entryOf(library: string, train: string): string {
  return `import * as library from "${library}";
    import { trainAll } from "${train}";
    export const losses = () => trainAll(library);`;
}

type Losses = Readonly<Record<string, number>>;

/** Largest relative difference; throws if it is above `tolerance`, or if the losses are other ones. */
function compare(name: string, found: Losses, expected: Losses, tolerance: number): number {
  const names = Object.keys(expected);
  const differences = names.map((key) => Math.abs(found[key]! / expected[key]! - 1));
  const largest = Math.max(...differences);
  if (!(largest <= tolerance) || Object.keys(found).length !== names.length) {
    throw new Error(`${name}: losses ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`);
  }
  return largest;
}

/** What a page imports without a bundler: npm's package, and our trainings as JavaScript. */
async function pageFiles(folder: string): Promise<Map<string, string>> {
  const javascript = join(folder, "javascript");
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["transpile", "--quiet", "--no-check", "--outdir", javascript, "train.ts"],
    cwd: folder,
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const paths = filesAt(join(folder, "npm")).filter((path) => path.endsWith(".js"));
  const files = [...paths.map((path) => `npm/${path}`), "javascript/train.js"];
  return new Map([
    ...files.map((path) => [path, Deno.readTextFileSync(join(folder, path))] as const),
    [
      "library.js",
      exportAll(ENTRIES.map((path) => path.replace(".", "./npm").replace(".ts", ".js"))),
    ],
    ["entry.js", entryOf("./library.js", "./javascript/train.js")],
  ]);
}

/** Trains by the module in Chromium. */
async function trainInChromium(files: Map<string, string>, module: string): Promise<Losses> {
  const run = `return await (await import("/${module}")).losses();`;
  return await runInChromium(files, run) as Losses;
}

async function main(): Promise<void> {
  prepareDriver();
  const folder = Deno.makeTempDirSync();
  try {
    pack(join(folder, "package"));
    Deno.mkdirSync(join(folder, "npm"));
    packForNpm(join(folder, "package"), join(folder, "npm"));
    const train = Deno.readTextFileSync(fromFileUrl(new URL("train.ts", import.meta.url)));
    const byName = ENTRIES.reduce((text, path, i) => {
      return text.replace(`"${path.replace(".", "../..")}"`, `"${NAMES[i]}"`);
    }, train);
    Deno.writeTextFileSync(join(folder, "train.ts"), byName);
    Deno.writeTextFileSync(join(folder, "library.ts"), exportAll(NAMES));
    Deno.writeTextFileSync(join(folder, "entry.ts"), entryOf("./library.ts", "./train.ts"));
    const expected = await trainAll(library);

    const unbundled = await trainInChromium(await pageFiles(folder), "entry.js");
    const difference = compare("unbundled", unbundled, expected, TOLERANCE);
    console.log(`unbundled in Chromium: losses within ${difference.toExponential(1)}`);

    for (const [name, path] of await bundleAll(folder)) {
      const { losses } = await import(toFileUrl(path).href);
      compare(name, await losses(), expected, 0);
      const files = new Map([["bundle.js", Deno.readTextFileSync(path)]]);
      const inBrowser = await trainInChromium(files, "bundle.js");
      const inNode = await runInNode(folder, path) as Losses;
      const [browser, node] = [inBrowser, inNode].map((losses) =>
        compare(name, losses, expected, TOLERANCE).toExponential(1)
      );
      const size = formatBytes(Deno.statSync(path).size);
      console.log(
        `${name}: ${size}, the same losses in Deno, in Chromium within ${browser}, in Node within ${node}`,
      );
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

if (import.meta.main) await main();
