/**
 * The package where it is used: unbundled in Chromium, and bundled with Vite, Rollup, esbuild and
 * webpack, in Deno and in Chromium. `deno task check:package` needs Node with npm, and Chromium
 * (CHROMIUM names another program than `chromium`).
 */

import { format as formatBytes } from "@std/fmt/bytes";
import { fromFileUrl, join, relative, toFileUrl } from "@std/path";
import { prepareDriver } from "../../example/shared/driver.ts";
import { pack } from "../../tools/pack.ts";
import * as library from "../support/library.ts";
import { bundleAll } from "./bundlers.ts";
import { runInChromium } from "./chromium.ts";
import { exportAll } from "./entries.ts";
import { trainAll } from "./train.ts";

/** Other adapters sum in another order. */
const TOLERANCE = 1e-4;
const ENTRY = `import * as library from "./library.ts";
import { trainAll } from "./train.ts";
export const losses = () => trainAll(library);
`;

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

/** The folder's modules as plain JavaScript. */
async function transpile(folder: string): Promise<Map<string, string>> {
  const modules = filesBelow(folder).filter((path) => path.endsWith(".ts"));
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["transpile", "--quiet", "--no-check", "--outdir", "javascript", ...modules],
    cwd: folder,
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const javascript = join(folder, "javascript");
  return new Map(
    filesBelow(javascript).map((path) => {
      const text = Deno.readTextFileSync(join(javascript, path));
      return [path, text.replace(/( from "[^"]+)\.ts"/g, '$1.js"')];
    }),
  );
}

function filesBelow(folder: string, path = folder): string[] {
  return [...Deno.readDirSync(path)].flatMap(({ name, isDirectory }) => {
    const file = join(path, name);
    return isDirectory ? filesBelow(folder, file) : [relative(folder, file)];
  });
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
    const train = fromFileUrl(new URL("train.ts", import.meta.url));
    Deno.copyFileSync(train, join(folder, "train.ts"));
    Deno.writeTextFileSync(join(folder, "library.ts"), exportAll("./package"));
    Deno.writeTextFileSync(join(folder, "entry.ts"), ENTRY);
    const expected = await trainAll(library);

    const unbundled = await trainInChromium(await transpile(folder), "entry.js");
    const difference = compare("unbundled", unbundled, expected, TOLERANCE);
    console.log(`unbundled in Chromium: losses within ${difference.toExponential(1)}`);

    for (const [name, path] of await bundleAll(folder)) {
      const { losses } = await import(toFileUrl(path).href);
      compare(name, await losses(), expected, 0);
      const files = new Map([["bundle.js", Deno.readTextFileSync(path)]]);
      const inBrowser = await trainInChromium(files, "bundle.js");
      const difference = compare(name, inBrowser, expected, TOLERANCE);
      const size = formatBytes(Deno.statSync(path).size);
      console.log(
        `${name}: ${size}, the same losses in Deno, in Chromium within ` +
          difference.toExponential(1),
      );
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

if (import.meta.main) await main();
