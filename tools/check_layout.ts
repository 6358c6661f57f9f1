/**
 * Checks the dependencies between modules, and exits with 1 if it finds one of these: an import cycle,
 * including types; an import from a higher layer; an import in the example that bypasses the library's
 * entries; a name that two entries export; an exported declaration that no other file imports; or a WGSL
 * file whose name does not show whether it has an entry point. A type that its own file uses, for
 * example for an argument, may be exported without an import.
 */

import { basename, dirname, fromFileUrl, join } from "@std/path";
import config from "../deno.json" with { type: "json" };
import { filesAt } from "./files.ts";

const ROOT = fromFileUrl(new URL("..", import.meta.url));
/** Folders and files searched for unused exports. */
const ROOMS = ["kernels", "nce", "example"];
/** Further folders searched for cycles. */
const OUTSIDE = ["mod.ts", "main.ts", "bench", "tools"];
/** The entries, which users import. */
const ENTRIES = Object.values(config.exports).map((path) => join(path));
/** Layers, lowest first: a module may import from its own layer and lower ones. */
const LAYERS = [
  "kernels/device",
  "kernels/random",
  "kernels/accumulate",
  "kernels/autograd",
  "kernels/elementwise",
  "kernels/matmul",
  "kernels/lookup",
  "kernels/parallel",
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
  "example/storage",
  "example/rescoring",
  "example/generation",
  "example/report",
  "example/training",
  "example/distributed",
  "example/doctor",
  "example/commands",
  "example/demos",
  "example/cli",
  "main.ts",
  "bench",
  "tools", // set-up, which is not needed at run time
];
/** Other importers, which may use every layer. */
const OTHERS = ["tests"];

// deno fmt puts statements of this kind at the start of a line, and documentation's examples behind a star.
const STATEMENT =
  /^(?:import|export)\s+(?:type\s+)?(?:((?:\w+,\s*)?\{[^}]*\}|\*(?: as \w+)?|\w+)\s+from\s+)?"([^"]+)"/gm;
const DYNAMIC = /\bimport\(\s*"([^"]+)"\s*,?\s*\)/g;
const DECLARATION =
  /^export\s+(?:declare\s+)?(?:async\s+)?(?:abstract\s+)?(function\*?|class|const|let|interface|type|enum)\s+(\w+)/gm;

/** Names that a module imports from another; `undefined` means all. */
interface Import {
  readonly from: string;
  readonly names: readonly string[] | undefined;
}

/** Paths of the modules that `source`, the text of `path`, imports or re-exports. */
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

/** Imports of `modules` from a higher layer, each as `path -> path`. */
export function upwardImports(modules: ReadonlyMap<string, string>): string[] {
  return [...modules].flatMap(([path, source]) =>
    importsOf(path, source).filter(({ from }) => layerOf(from) > layerOf(path))
      .map(({ from }) => `${path} -> ${from}`)
  );
}

/** Imports in the example that bypass the library's `entries`, each as `path -> path`. */
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

/** The index of a file's layer, or -1. */
function layerOf(path: string): number {
  for (let at = path; at !== "."; at = dirname(at)) {
    const layer = LAYERS.indexOf(at);
    if (layer >= 0) return layer;
  }
  return -1;
}

/** WGSL libraries without a leading underscore, and WGSL files with an entry point and an underscore. */
export function misnamedKernels(kernels: ReadonlyMap<string, string>): string[] {
  return [...kernels].filter(([path, source]) =>
    basename(path).startsWith("_") === source.includes("@compute")
  ).map(([path]) => path);
}

/** Exports of the `declaring` modules that no other module imports, each as `path: name`. */
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

/** A module's exports, and whether each is a type that the module itself uses. */
function declarationsOf(source = ""): { name: string; isNamed: boolean }[] {
  return [...source.matchAll(DECLARATION)].map(([, kind, name]) => {
    const isType = kind === "interface" || kind === "type";
    return {
      name: name!,
      isNamed: isType && source.match(RegExp(`\\b${name}\\b`, "g"))!.length > 1,
    };
  });
}

/** All findings in the project, one line each. */
function layoutFaults(): string[] {
  const read = (paths: readonly string[], ending = ".ts") =>
    new Map(
      paths.flatMap((path) => filesAt(ROOT, path)).filter((path) => path.endsWith(ending))
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
