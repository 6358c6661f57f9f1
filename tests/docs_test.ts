// The documents name what there is: options, entries, rooms, files, and where their links lead.

import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import config from "../deno.json" with { type: "json" };
import { OPTION_GROUPS } from "../example/options/options.ts";
import { filesAt } from "../tools/files.ts";
import { OPTIONS } from "./support/options.ts";

const ROOT = join(import.meta.dirname!, "..");

function read(path: string): string {
  return Deno.readTextFileSync(join(ROOT, path));
}

/** The rooms of the code: the folders in these. */
function roomsOf(folders: readonly string[]): string[] {
  return folders.flatMap((folder) =>
    [...Deno.readDirSync(join(ROOT, folder))].flatMap(({ name, isDirectory }) =>
      isDirectory ? [name] : []
    )
  );
}

const DOCUMENTS = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "bench/RESULTS.md"]
  .concat(filesAt(ROOT, "docs").filter((path) => path.endsWith(".md")));
const FILES = ["main.ts", "mod.ts", "CHANGELOG.md", ...DOCUMENTS]
  .concat(
    ["kernels", "nce", "example", "tests", "tools", "bench", "docs"].flatMap((folder) =>
      filesAt(ROOT, folder)
    ),
  );

/** The names that a page's headings have in links, as GitHub makes them. */
function anchorsOf(text: string): string[] {
  const lines = text.replaceAll(/^```[^]*?^```$/gm, "").match(/^#+ .*$/gm) ?? [];
  return lines.map((line) =>
    line.replace(/^#+ /, "").toLowerCase().replaceAll(/[^\p{L}\d\s_-]/gu, "").replaceAll(" ", "-")
  );
}

Deno.test("docs/options.md has a table of all options with their defaults and help, and of no others", () => {
  const cells = read("docs/options.md").split("\n").filter((line) => /^\| (\*\*|`--)/.test(line))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  const expected = OPTION_GROUPS.flatMap(({ title, options }) => [
    [`**${title}**`, "", ""],
    ...OPTIONS.filter(({ setting }) => setting in options)
      .map(({ name, value, default: standard = "", help }) => [
        value === undefined ? `\`--${name}\`` : `\`--${name} ${value}\``,
        standard,
        help,
      ]),
  ]);
  assertEquals(cells, expected);
});

Deno.test("README.md has a table of all entries of the package", () => {
  const readme = read("README.md");
  const entries = [...readme.matchAll(/^\| `(@[^`]+)`/gm)].map(([, entry]) => entry);
  const { name, exports } = config;
  assertEquals(entries, Object.keys(exports).map((path) => path.replace(".", name)));
});

Deno.test("every link of a document within the project leads to a file and a heading", () => {
  let links = 0;
  for (const document of DOCUMENTS) {
    for (const [link, target] of read(document).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [path = "", anchor] = target!.split("#");
      const page = path === "" ? document : join(dirname(document), path);
      assert(Deno.statSync(join(ROOT, page)).isFile, `${document}: ${link}`);
      if (anchor === undefined) continue;
      assert(anchorsOf(read(page)).includes(anchor), `${document}: ${link}`);
      links++;
    }
  }
  assert(links > 5);
});

Deno.test("every source file that a document names is there", () => {
  // Stand-ins, and paths within the packed package.
  const isNoFile = (name: string) => /^(?:_?x\.\w+|\.\/package\/.*)$/.test(name);
  let names = 0;
  for (const document of DOCUMENTS) {
    for (const [, name] of read(document).matchAll(/`([\w./*-]+\.(?:ts|wgsl|sh|py|md))`/g)) {
      if (isNoFile(name!)) continue;
      const pattern = name!.replaceAll(".", "\\.").replaceAll("*", "[^/]*");
      const path = new RegExp(`(?:^|/)${pattern}$`);
      assert(FILES.some((file) => path.test(file)), `${document} names ${name}`);
      names++;
    }
  }
  assert(names > 20);
});

Deno.test("CONTRIBUTING.md names all rooms of the code", () => {
  const [, layers = ""] = /^## Layers\n([^]*?)^## /m.exec(read("CONTRIBUTING.md"))!;
  const named = layers.match(/[a-z_]+/g);
  const missing = roomsOf(["kernels", "nce", "example"]).filter((room) => !named!.includes(room));
  assertEquals(missing, []);
});
