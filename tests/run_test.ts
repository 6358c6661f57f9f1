// Whole runs: training, testing a saved model, profiling, and what a run leaves behind.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Failure } from "../example/errors.ts";
import type { Given } from "../example/settings.ts";
import { events, inFolder, lastLine, runTiny } from "./tiny_run.ts";

Deno.test("run() gives identical models and losses when seed and settings are the same", () =>
  inFolder(async () => {
    const first = await runTiny({ train: true, loss: "nce", save: "a" });
    const second = await runTiny({ train: true, loss: "nce", save: "b" });
    const bytes = (name: string) => Deno.readFileSync(`saved_model/${name}.safetensors`);
    assertEquals(bytes("a"), bytes("b"));
    assertEquals(lastLine(first), lastLine(second));
    const losses = (name: string) =>
      events(name).filter(({ event }) => event === "train").map(({ loss }) => loss);
    assertEquals(losses("a"), losses("b"));
    await runTiny({ train: true, loss: "nce", save: "c", seed: "7" });
    assert(bytes("c").some((byte, i) => byte !== bytes("a")[i]));
  }));

Deno.test("run() finds the perplexity of training again when the saved model is tested", () =>
  inFolder(async () => {
    for (const loss of ["full", "nce", "sampled", "mix"]) {
      const trained = await runTiny({ train: true, loss });
      assertEquals(lastLine(await runTiny({})), lastLine(trained));
      assert(/^test +ppl [\d.]+, best possible [\d.]+ \(ratio/.test(lastLine(trained)));
    }
    const kinds = events("model").map(({ event }) => event);
    assertEquals(kinds.filter((event) => event === "start").length, 4);
    assertEquals(kinds.filter((event) => event === "epoch").length, 8);
    assertEquals(kinds.filter((event) => event === "test").length, 8);
    assertEquals([...Deno.readDirSync("saved_model")].map(({ name }) => name).sort(), [
      "model.freq.txt",
      "model.metrics.jsonl",
      "model.safetensors",
    ]);
  }));

Deno.test("run() trains with every noise source and option of the loss", () =>
  inFolder(async () => {
    const cases: Given[] = [
      { "loss": "nce", "noise": "batch", "norm-term": "learned" },
      { "loss": "nce", "noise": "batch+uniform", "self-norm": "0.1", "audit": "4" },
      { "loss": "nce", "noise-power": "0.75", "noise-uniform": "0.1", "per-word": true },
      { "loss": "sampled", "unique": true, "remove-hits": true, "norm-term": "auto" },
      { "loss": "sampled", "noise": "log-uniform", "concat": true },
      { "loss": "nce", "concat": true, "carry-state": true, "bptt": "7" },
    ];
    for (const given of cases) {
      const lines = await runTiny({ ...given, train: true, epochs: "1" });
      assert(/ppl [\d.]+/.test(lastLine(lines)), lines.join("\n"));
    }
    assert(events("model").some(({ event, cosine }) => event === "audit" && cosine !== undefined));
  }));

Deno.test("run() calls a score that is not normalised a loss, not a perplexity", () =>
  inFolder(async () => {
    await runTiny({ train: true, loss: "nce", epochs: "1" });
    for (const evaluation of ["nce", "sampled:20", "loss"]) {
      const line = lastLine(await runTiny({ evaluation }));
      assert(line.startsWith(`test        ${evaluation} loss `) && !line.includes("ppl"), line);
    }
    const lines = await runTiny({ train: true, loss: "neg", epochs: "1" });
    assert(lines.every((line) => !line.includes("ppl")), lines.join("\n"));
    await assertRejects(() => runTiny({}), Failure, "has no perplexity");
  }));

Deno.test("run() refuses a model of another vocabulary and leaves it as it is", () =>
  inFolder(async () => {
    await runTiny({ train: true, loss: "nce", epochs: "1" });
    const before = Deno.readFileSync("saved_model/model.safetensors");
    const data = "synthetic:words=2000,vocab=120";
    await assertRejects(() => runTiny({ data }), Failure, "another vocabulary");
    assertEquals(Deno.readFileSync("saved_model/model.safetensors"), before);
  }));

Deno.test("run() prints where the time of one batch went when profiling, and saves nothing", () =>
  inFolder(async () => {
    const lines = await runTiny({ prof: true, loss: "nce" });
    assert(lines.some((line) => line.startsWith("matmul")), lines.join("\n"));
    assertEquals([...Deno.readDirSync(".")], []);
  }));
