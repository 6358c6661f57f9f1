// The README says what the program does.

import { assert } from "@std/assert";
import { OPTION_GROUPS } from "../example/options/options.ts";

Deno.test("README.md lists every option with its default and its help", () => {
  const readme = Deno.readTextFileSync(new URL("../README.md", import.meta.url));
  const rows = readme.split("\n").map((line) => line.replace(/\s+/g, " "));
  for (
    const { name, value, default: standard = "", help } of OPTION_GROUPS.flatMap((g) => g.options)
  ) {
    const flag = value === undefined ? `--${name}` : `--${name} ${value}`;
    const row = `| \`${flag}\` | ${standard === "" ? "" : `${standard} `}| ${help} |`;
    assert(rows.includes(row), `README.md lacks the row ${row}`);
  }
});
