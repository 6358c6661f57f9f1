/** The bundlers that people use, from npm, each with its own way to be told what to do. */

import { join } from "@std/path";

/** What is bundled, and the module that comes out. */
const ENTRY = "entry.ts";

/** npm's packages of the bundlers, of what two of them need for TypeScript and packages, of its compiler, and of Node's WebGPU. */
const PACKAGES = [
  "vite@8.3.8",
  "rollup@4.68.8",
  "@rollup/plugin-node-resolve@16.0.3",
  "rollup-plugin-esbuild@6.2.1",
  "esbuild@0.28.2",
  "webpack@5.112.2",
  "webpack-cli@7.3.1",
  "esbuild-loader@4.5.0",
  "typescript@5.9.3",
  "webgpu@0.6.2",
];

/** How Vite's template has programs checked. */
const TSCONFIG = {
  compilerOptions: {
    ...{ target: "es2023", lib: ["ES2023", "DOM"], module: "esnext", moduleResolution: "bundler" },
    ...{
      strict: true,
      noEmit: true,
      types: [],
      skipLibCheck: true,
      allowImportingTsExtensions: true,
    },
    ...{ verbatimModuleSyntax: true, erasableSyntaxOnly: true, noUnusedLocals: true },
  },
  files: [ENTRY],
};

/** Settings files and arguments, by bundler; each writes `out/NAME.js`. */
const BUNDLERS: Readonly<Record<string, { config?: string; args: readonly string[] }>> = {
  vite: {
    config: `export default { build: {
      lib: { entry: "${ENTRY}", formats: ["es"], fileName: "vite" },
      outDir: "out", emptyOutDir: false, minify: true } };`,
    args: ["build", "--config", "vite.config.js"],
  },
  rollup: {
    config: `import esbuild from "rollup-plugin-esbuild";
    import resolve from "@rollup/plugin-node-resolve";
    export default { input: "${ENTRY}", output: { file: "out/rollup.js" },
      plugins: [resolve(), esbuild({ minify: true, target: "es2022" })] };`,
    args: ["--config", "rollup.config.js", "--failAfterWarnings"],
  },
  esbuild: {
    args: [ENTRY, "--bundle", "--minify", "--format=esm", "--outfile=out/esbuild.js"],
  },
  webpack: {
    config: `export default { mode: "production", entry: "./${ENTRY}",
      output: { path: import.meta.dirname + "/out", filename: "webpack.js",
        library: { type: "module" } },
      experiments: { outputModule: true },
      module: { rules: [
        { test: /\\.ts$/, loader: "esbuild-loader", options: { target: "es2022" } }] } };`,
    args: ["build", "--config", "webpack.config.js"],
  },
};

async function run(folder: string, program: string, args: readonly string[]): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd: folder,
  }).output();
  if (success) return;
  const said = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  throw new Error(`${program} ${args.join(" ")} failed:\n${said}`);
}

/**
 * Installs the bundlers and the folder's `npm`, checks its `entry.ts`, and bundles it with each; paths of the bundles
 * by name.
 */
export async function bundleAll(folder: string): Promise<Map<string, string>> {
  Deno.writeTextFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  await run(folder, "npm", ["install", ...quiet, ...PACKAGES, "./npm"]);
  const bin = join(folder, "node_modules", ".bin");
  Deno.writeTextFileSync(join(folder, "tsconfig.json"), JSON.stringify(TSCONFIG));
  await run(folder, join(bin, "tsc"), ["--project", "tsconfig.json"]);
  const bundles = new Map<string, string>();
  for (const [name, { config, args }] of Object.entries(BUNDLERS)) {
    if (config) Deno.writeTextFileSync(join(folder, `${name}.config.js`), config);
    await run(folder, join(bin, name), args);
    bundles.set(name, join(folder, "out", `${name}.js`));
  }
  return bundles;
}
