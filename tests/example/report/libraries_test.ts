/** The libraries of charts, where they cannot be had. */

import { assertEquals } from "@std/assert";
import config from "../../../deno.json" with { type: "json" };
import { deno } from "../../support/process.ts";

Deno.test("a library that cannot be fetched is told in one line, with what to do", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const environment = { DENO_DIR: folder, NPM_CONFIG_REGISTRY: "http://127.0.0.1:9" };
    const code = `await import("./example/report/libraries.ts")
      .catch(({ name, message }) => console.log(name, message));`;
    const { out } = await deno(["eval", code], `${import.meta.dirname}/../../..`, environment);
    assertEquals(
      out.replace(/charts: .*;/, "charts: REASON;"),
      `Failure Cannot load ${config.imports["@observablehq/plot"]}, which draws charts: REASON; ` +
        "run this once where npm can be reached\n",
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
