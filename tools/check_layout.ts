/**
 * Checks how the modules hang together, and ends with 1 if one of these is found: an import cycle, types
 * included; an import from a layer above; an import of the example from inside the library, past its
 * entries; a name that two entries export; an exported declaration that no other file imports; or a WGSL
 * file whose name does not say whether it has an entry point. A type may be exported for those who want
 * to name it, where the file uses it itself, as for an argument.
 */

import { basename, dirname, fromFileUrl, join } from "@std/path";
import config from "../deno.json" with { type: "json" };

const ROOT = fromFileUrl(new URL("..", import.meta.url));
/** Where unused exports are looked for. */
const ROOMS = ["kernels", "nce", "example"];
/** Where cycles are looked for, too. */
const OUTSIDE = ["mod.ts", "main.ts", "bench", "tools"];
/** The entries: what users import. */
const ENTRIES = Object.values(config.exports).map((path) => join(path));
/** Folders and files from the lowest up: a module imports from its own layer and from those below. */
const LAYERS = [
  "kernels/device",
  "kernels/random",
  "kernels/accumulate",
  "kernels/autograd",
  "kernels/elementwise",
  "kernels/matmul",
  "kernels/lookup",
  "kernels/loss",
  "kernels/gru_pair",
  "kernels/recurrent",
  "kernels/optimizer",
  "kernels",
  "nce/nn",
  "nce/noise",
  "nce",
  "mod.ts",
  "example/shared",
  "example/options",
  "example/data",
  "example/model",
  "example/evaluation",
  "example/rescoring",
  "example/storage",
  "example/generation",
  "example/training",
  "example/commands",
  "example/demos",
  "example/cli",
  "main.ts",
  "bench",
  "tools", // set-up, which nothing needs that runs
];
/** Who else imports, from every layer. */
const OTHERS = ["tests"];

// deno fmt puts statements of this kind at the start of a line, and documentation's examples behind a star.
const STATEMENT =
  /^(?:import|export)\s+(?:type\s+)?(?:((?:\w+,\s*)?\{[^}]*\}|\*(?: as \w+)?|\w+)\s+from\s+)?"([^"]+)"/gm;
const DYNAMIC = /\bimport\(\s*"([^"]+)"\s*,?\s*\)/g;
const DECLARATION =
  /^export\s+(?:declare\s+)?(?:async\s+)?(?:abstract\s+)?(function\*?|class|const|let|interface|type|enum)\s+(\w+)/gm;

/** Names that a module takes from another: `undefined` stands for all of them. */
interface Import {
  readonly from: string;
  readonly names: readonly string[] | undefined;
}

/** The modules that `source`, the text of `path`, imports or exports from, by their paths. */
export function importsOf(path: string, source: string): Import[] {
  const resolve = (specifier: string) => join(path, "..", specifier);
  const imports = [...source.matchAll(STATEMENT)].map(([, clause, specifier]) => {
    const list = clause === undefined ? "" : /^\{([^}]*)\}$/.exec(clause)?.[1];
    const names = list?.split(",").map((name) => /^\s*(?:type\s+)?(\w+)/.exec(name)?.[1] ?? "");
    return { specifier: specifier!, names: names?.filter((name) => name !== "") };
  });
  const dynamic = [...source.matchAll(DYNAMIC)].map(([, specifier]) => {
    return { specifier: specifier!, names: undefined };
  });
  return [...imports, ...dynamic].filter(({ specifier }) => specifier.startsWith("."))
    .map(({ specifier, names }) => ({ from: resolve(specifier), names }));
}

/** Import cycles among `modules`, texts by path: one for each import that closes a cycle. */
export function importCycles(modules: ReadonlyMap<string, string>): string[][] {
  const cycles: string[][] = [], done = new Set<string>(), trail: string[] = [];
  const visit = (path: string) => {
    const at = trail.indexOf(path);
    if (at >= 0) cycles.push([...trail.slice(at), path]);
    if (at >= 0 || done.has(path)) return;
    trail.push(path);
    for (const { from } of importsOf(path, modules.get(path) ?? "")) visit(from);
    trail.pop();
    done.add(path);
  };
  for (const path of modules.keys()) visit(path);
  return cycles;
}

/** Imports of `modules` from a layer above their own, each as `path -> path`. */
export function upwardImports(modules: ReadonlyMap<string, string>): string[] {
  return [...modules].flatMap(([path, source]) =>
    importsOf(path, source).filter(({ from }) => layerOf(from) > layerOf(path))
      .map(({ from }) => `${path} -> ${from}`)
  );
}

/** Imports of the example from the library's inside, not by its `entries`, each as `path -> path`. */
export function importsPastEntries(
  modules: ReadonlyMap<string, string>,
  entries: readonly string[],
): string[] {
  const isInside = (path: string) => /^(?:kernels|nce)\//.test(path) && !entries.includes(path);
  return [...modules].filter(([path]) => path.startsWith("example/")).flatMap(([path, source]) =>
    importsOf(path, source).filter(({ from }) => isInside(from))
      .map(({ from }) => `${path} -> ${from}`)
  );
}

/** Names that more than one of the `entries` exports. */
export function repeatedNames(
  modules: ReadonlyMap<string, string>,
  entries: readonly string[],
): string[] {
  const names = entries.flatMap((path) =>
    importsOf(path, modules.get(path) ?? "").flatMap(({ names = [] }) => names)
  );
  return [...new Set(names.filter((name, i) => names.indexOf(name) < i))];
}

/** The number of the layer that a file is in, or -1 if it is in none. */
function layerOf(path: string): number {
  for (let at = path; at !== "."; at = dirname(at)) {
    const layer = LAYERS.indexOf(at);
    if (layer >= 0) return layer;
  }
  return -1;
}

/** WGSL files that are libraries without a leading underscore, or have an entry point with one. */
export function misnamedKernels(kernels: ReadonlyMap<string, string>): string[] {
  return [...kernels].filter(([path, source]) =>
    basename(path).startsWith("_") === source.includes("@compute")
  ).map(([path]) => path);
}

/** What `declaring` modules export and no other module imports, each as `path: name`. */
export function unusedExports(
  modules: ReadonlyMap<string, string>,
  declaring: readonly string[],
): string[] {
  const used = new Set<string>();
  for (const [path, source] of modules) {
    for (const { from, names } of importsOf(path, source)) {
      const taken = names ?? declarationsOf(modules.get(from)).map(({ name }) => name);
      for (const name of taken) used.add(`${from}: ${name}`);
    }
  }
  return declaring.flatMap((path) =>
    declarationsOf(modules.get(path)).filter(({ isNamed }) => !isNamed)
      .map(({ name }) => `${path}: ${name}`)
  ).filter((entry) => !used.has(entry));
}

/** What a module exports, and whether it is a type that the module names besides. */
function declarationsOf(source = ""): { name: string; isNamed: boolean }[] {
  return [...source.matchAll(DECLARATION)].map(([, kind, name]) => {
    const isType = kind === "interface" || kind === "type";
    return {
      name: name!,
      isNamed: isType && source.match(RegExp(`\\b${name}\\b`, "g"))!.length > 1,
    };
  });
}

/** Paths of the files at or below `path`. */
function filesAt(path: string): string[] {
  if (Deno.statSync(join(ROOT, path)).isFile) return [path];
  return [...Deno.readDirSync(join(ROOT, path))].map(({ name }) => join(path, name)).sort()
    .flatMap(filesAt);
}

/** All findings in the project, a line each. */
export function layoutFaults(): string[] {
  const read = (paths: readonly string[], ending = ".ts") =>
    new Map(
      paths.flatMap(filesAt).filter((path) => path.endsWith(ending))
        .map((path) => [path, Deno.readTextFileSync(join(ROOT, path))]),
    );
  const rooms = read(ROOMS), all = new Map([...rooms, ...read(OUTSIDE)]);
  return [
    ...importCycles(all).map((cycle) => `import cycle: ${cycle.join(" -> ")}`),
    ...upwardImports(all).map((entry) => `import from a layer above: ${entry}`),
    ...importsPastEntries(all, ENTRIES).map((entry) => `import past the entries: ${entry}`),
    ...repeatedNames(all, ENTRIES).map((name) => `exported by two entries: ${name}`),
    ...misnamedKernels(read(["kernels"], ".wgsl")).map((path) => `misnamed: ${path}`),
    ...unusedExports(new Map([...all, ...read(OTHERS)]), [...rooms.keys()])
      .map((entry) => `exported, but nobody imports it: ${entry}`),
  ];
}

if (import.meta.main) {
  const faults = layoutFaults();
  for (const fault of faults) console.error(fault);
  Deno.exit(faults.length > 0 ? 1 : 0);
}
