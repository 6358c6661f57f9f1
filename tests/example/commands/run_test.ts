// Whole runs: training, testing a saved model, profiling, and what a run leaves behind.

import { assert, assertAlmostEquals, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Failure, UsageError } from "../../../example/shared/errors.ts";
import type { Given } from "../../../example/options/option.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { run } from "../../../example/commands/run.ts";
import { atVolume } from "../../../example/shared/io.ts";
import { auditText } from "../../../example/shared/gradient_noise.ts";
import type { Audit } from "../../../mod.ts";
import { captureIo } from "../../support/capture_io.ts";
import { inFolder, namesIn } from "../../support/folder.ts";
import { events, lastLine, runTiny, TINY } from "../../support/tiny_run.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";

leaseToProgram();

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
    assertEquals(namesIn("saved_model"), [
      "model.checkpoint.safetensors",
      "model.config.json",
      "model.freq.txt",
      "model.metrics.jsonl",
      "model.previous.checkpoint.safetensors",
      "model.previous.config.json",
      "model.previous.freq.txt",
      "model.previous.safetensors",
      "model.safetensors",
    ]);
  }));

Deno.test("run() records and prints an audit of the gradient every so many steps", () =>
  inFolder(async () => {
    const printed = (lines: readonly string[]) => lines.filter((line) => /^audit /.test(line));
    const given = { "loss": "nce", "self-norm": "0.1", "audit": "4", "train": true, "epochs": "1" };
    const lines = printed(await runTiny(given));
    const audits = events("model").filter(({ event }) => event === "audit");
    assertEquals(audits.map(({ step }) => step), [4, 8, 12]);
    for (const [i, { step, event: _, ...figures }] of audits.entries()) {
      const audit = figures as unknown as Audit;
      assertEquals(lines[i], `audit       step ${step}: ${auditText(audit)}`);
      assert(audit.variance > 0 && audit.length > 0, JSON.stringify(audit));
    }
    assertEquals(lines.length, 3);
    const io = captureIo();
    await run(
      parseSettings({ ...TINY, ...given, "audit": "12" }),
      atVolume(io, { quiet: true, verbose: true }),
    );
    assert(io.outLines.length > 0);
    assertEquals(printed(io.outLines), []);
    const [line] = printed(await runTiny({ ...given, "noise": "batch+uniform", "audit": "12" }));
    assertMatch(line!, /^audit +step 12: cosine .* cannot be measured$/);
    const { cosine, bias, variance } = events("model").findLast(({ event }) => event === "audit")!;
    assert(Number(cosine) > 0 && Number(cosine) < 1, String(cosine));
    assertEquals([bias, variance], [null, null]);
  }));

const RAW = "raw negative log probability";

/** Evaluations of the last saved model that are no perplexity, and what the test calls them. */
async function expectLosses(kinds: readonly (readonly [evaluation: string, name: string])[]) {
  for (const [evaluation, name] of kinds) {
    const line = lastLine(await runTiny({ evaluation }));
    assertMatch(line, new RegExp(`^test +${name} [\\d.]+ a token, .*not a perplexity`));
  }
}

Deno.test("run() calls a score that is not normalised a loss, not a perplexity", () =>
  inFolder(async () => {
    await runTiny({ train: true, loss: "nce", epochs: "1" });
    await expectLosses([["nce", RAW], ["sampled:20", "sampled:20 loss"]]);
    await runTiny({ train: true, loss: "sampled", epochs: "1" });
    await expectLosses([["nce", RAW], ["sampled:20", "sampled:20 loss"], ["loss", "sampled loss"]]);
    Deno.removeSync("saved_model", { recursive: true });
    const lines = await runTiny({ train: true, loss: "neg", epochs: "1" });
    assert(lines.every((line) => !line.includes("ppl")), lines.join("\n"));
    await expectLosses([["loss", "neg loss"]]);
  }));

Deno.test("run() calls the exact loss normalised, with its perplexity", () =>
  inFolder(async () => {
    const trained = lastLine(await runTiny({ train: true, loss: "full", epochs: "1" }));
    const line = lastLine(await runTiny({ evaluation: "loss" }));
    const [, loss, ppl] = /^test +full loss ([\d.]+) a token, .* tokens \(ppl ([\d.]+)\)$/.exec(
      line,
    )!;
    assertAlmostEquals(Number(ppl), Math.exp(Number(loss)), 0.01);
    assertEquals(/ppl ([\d.]+)/.exec(trained)![1], ppl);
    assertEquals(Object.keys(events("model").at(-1)!), [
      "event",
      "evaluation",
      "loss",
      "ppl",
      "tokens",
    ]);
  }));

Deno.test("run() refuses a test that the saved model cannot have, whatever is given beside it", () =>
  inFolder(async () => {
    const refused: [Given, ...string[]][] = [
      [{ loss: "neg" }, "full", "nce", "sampled:20"],
      [{ loss: "mix" }, "loss"],
      [{ loss: "nce" }, "loss"],
      [{ loss: "sampled", noise: "batch" }, "sampled:20"],
      [{ loss: "sampled", unique: true }, "sampled:20"],
    ];
    for (const [given, ...kinds] of refused) {
      await runTiny({ ...given, train: true, epochs: "1" });
      const before = events("model").length;
      for (const evaluation of kinds) {
        const asked = () => runTiny({ evaluation, loss: "full" });
        await assertRejects(asked, Failure, `of --loss ${given["loss"]} by --evaluation`);
      }
      assertEquals(events("model").length, before);
    }
  }));

Deno.test("run() finds what does not fit any device before it writes or makes anything", () =>
  inFolder(async () => {
    const train = { train: true, loss: "nce" };
    const cases: [Given, string][] = [
      [{ ...train, "noise-ratio": "10000000" }, "--noise-ratio 10000000"],
      [{ ...train, "noise-ratio": "10000000", "per-word": true }, "--noise-ratio 10000000"],
      [{ ...train, evaluation: "sampled:10000000" }, "--evaluation sampled:10000000"],
      [{ ...train, "nhid": "65536" }, "--nhid 65536"],
    ];
    for (const [given, option] of cases) {
      const error = await assertRejects(() => runTiny(given), Failure);
      assert(error.message.startsWith("Cannot ") && error.message.includes(option), error.message);
      assertEquals([...Deno.readDirSync(".")], []);
    }
    const unique = { train: true, loss: "sampled", unique: true, "noise-ratio": "500" };
    const wrong = await assertRejects(() => runTiny(unique), UsageError);
    assertEquals(
      wrong.message,
      "Cannot draw --noise-ratio 500 different words (--unique) of 103: give at most 103",
    );
    assertEquals([...Deno.readDirSync(".")], []);
  }));

Deno.test("run() says which noise it draws or how it normalises itself, and needs no memory for reports that never come", () =>
  inFolder(async () => {
    const lines = await runTiny({ "train": true, "loss": "nce", "noise": "batch", "epochs": "1" });
    assert(
      lines.some((line) => /loss nce, batch noise, norm term auto$/.test(line)),
      lines.join("\n"),
    );
    const penalised = { "self-norm": "0.1", "log-interval": "1000000000" };
    const rare = await runTiny({ "train": true, "epochs": "1", ...penalised });
    assert(rare.some((line) => /loss full, norm term auto, self-norm 0\.1$/.test(line)));
    // With a penalty the training loss is no perplexity.
    assert(rare.some((line) => /^epoch 1\/1: train loss \d.*, valid ppl /.test(line)));
    assertMatch(lastLine(rare), /^test +ppl /);
  }));

Deno.test("run() tests a model by its own words, with nothing but the model and the test text", () =>
  inFolder(async () => {
    const train = "a b c d\nb c d a\n".repeat(30), valid = "a b c\n", test = "a b z\nc y\n";
    Deno.mkdirSync("all");
    Deno.mkdirSync("alone");
    for (const [part, text] of Object.entries({ train, valid, test })) {
      Deno.writeTextFileSync(`all/${part}.txt`, text);
    }
    Deno.writeTextFileSync("alone/test.txt", test);
    const trained = await runTiny({ "train": true, "data": "all", "min-freq": "2", "epochs": "1" });
    Deno.removeSync("all", { recursive: true });
    const lines = await runTiny({ data: "alone" });
    assertMatch(
      lastLine(lines),
      /^test +ppl [\d.]+, [\d.]+ without the 2 unknown words, 7 tokens$/,
    );
    assertEquals(lastLine(lines), lastLine(trained));
    assertEquals(lines.slice(1, 3), [
      "data        alone: 5 words to test on; vocabulary 7",
      "unknown     test 40 % (2 of 5 words)",
    ]);
    const event = events("model").at(-1)!;
    assertEquals([event["unknown"], event["tokens"]], [2, 7]);
    await assertRejects(() => runTiny({ data: "." }), UsageError, "Cannot read ./test.txt");
    Deno.mkdirSync("other");
    Deno.writeTextFileSync("other/test.txt", "x y z\n");
    const made = String(TINY["data"]);
    const cures: Record<string, string> = {
      [made]: `give the folder of the model's text by --data: ${made} is a made-up language`,
      "other": "give a text of the model's own kind by --data",
    };
    for (const [data, cure] of Object.entries(cures)) {
      const io = captureIo();
      await run(parseSettings({ data }), io);
      assertEquals(
        io.errLines.at(-1),
        `warning: <unk> is 100 % of test: a low perplexity then means nothing; ${cure}`,
      );
    }
  }));

Deno.test("run() tests a model on another made-up text, all words of which may be unknown", () =>
  inFolder(async () => {
    await runTiny({ train: true, loss: "nce", epochs: "1" });
    const before = Deno.readFileSync("saved_model/model.safetensors");
    const same = await runTiny({ data: "synthetic:words=2000,vocab=100,seed=1" });
    assertMatch(lastLine(same), /best possible 8\.56 .* 221 tokens$/);
    const other = await runTiny({ data: "synthetic:words=2000,vocab=120,seed=2" });
    assertMatch(lastLine(other), /without the \d+ unknown words/);
    assertEquals(Deno.readFileSync("saved_model/model.safetensors"), before);
  }));

Deno.test("run() prints where the time of one batch went when profiling, and saves nothing", () =>
  inFolder(async () => {
    const lines = await runTiny({ prof: true, loss: "nce" });
    assert(lines.some((line) => line.startsWith("matmul")), lines.join("\n"));
    assertEquals([...Deno.readDirSync(".")], []);
  }));
