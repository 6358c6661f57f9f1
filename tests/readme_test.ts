// The README says what the program does.

import { assertEquals } from "@std/assert";
import config from "../deno.json" with { type: "json" };
import { OPTION_GROUPS } from "../example/options/options.ts";
import { OPTIONS } from "./support/options.ts";

Deno.test("docs/options.md has a table of all options with their defaults and help, and of no others", () => {
  const page = Deno.readTextFileSync(new URL("../docs/options.md", import.meta.url));
  const cells = page.split("\n").filter((line) => /^\| (\*\*|`--)/.test(line))
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
  const readme = Deno.readTextFileSync(new URL("../README.md", import.meta.url));
  const entries = [...readme.matchAll(/^\| `(@[^`]+)`/gm)].map(([, entry]) => entry);
  const { name, exports } = config;
  assertEquals(entries, Object.keys(exports).map((path) => path.replace(".", name)));
});
