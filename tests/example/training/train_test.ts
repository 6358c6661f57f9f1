// What becomes of a training run that diverges, is stopped, or cannot write.

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { makeModel } from "../../../example/model/make_model.ts";
import { Epochs } from "../../../example/data/batches.ts";
import { loadCorpus } from "../../../example/data/corpus.ts";
import { badParameter, likelyCure } from "../../../example/training/diverged.ts";
import { Failure } from "../../../example/shared/errors.ts";
import { Ranks } from "../../../example/shared/ranks.ts";
import type { WordModel } from "../../../example/model/model.ts";
import type { Given } from "../../../example/options/option.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { train } from "../../../example/training/train.ts";
import { ranksInProcess } from "../../../kernels/mod.ts";
import type { Gpu } from "../../../mod.ts";
import { type CapturedIo, captureIo } from "../../support/capture_io.ts";
import { withGpu } from "../../support/gpu.ts";
import { inFolder, namesIn } from "../../support/folder.ts";
import { events, lastLine, runTiny, TINY } from "../../support/tiny_run.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";

leaseToProgram();

/** Trains in an empty folder; `onLine` is called behind each line that is printed. */
async function trainTiny(
  given: Given,
  onLine: (line: string, model: WordModel, gpu: Gpu) => void,
): Promise<{ io: CapturedIo; outcome: Failure | undefined }> {
  const io = captureIo();
  let outcome: Failure | undefined;
  await withGpu(async (gpu) => {
    const settings = parseSettings({ ...TINY, train: true, nce: true, ...given });
    const corpus = await loadCorpus(settings);
    using model = makeModel(gpu, settings, corpus.vocabulary);
    const out = (line: string) => {
      io.out(line);
      onLine(line, model, gpu);
    };
    try {
      const epochs = new Epochs(corpus.train, settings);
      await train({ gpu, settings, corpus, epochs, io: { ...io, out } }, model);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      outcome = error;
    }
  });
  return { io, outcome };
}

function perplexityOf(line: string): string | undefined {
  return /ppl ([\d.]+)/.exec(line)?.[1];
}

Deno.test("train() tests the last good model and fails when training has diverged", () =>
  inFolder(async () => {
    for (const name of ["encoder.weight", "criterion.bias.weight"]) {
      const { io, outcome } = await trainTiny({ epochs: "4" }, (line, model, gpu) => {
        if (!line.startsWith("epoch 2/4: ")) return;
        const [, parameter] = model.parameters().find((entry) => entry[0] === name)!;
        gpu.write(parameter, new Float32Array(parameter.size).fill(NaN));
      });
      const { step } = events("model").findLast(({ event }) => event === "epoch")!;
      const place = new RegExp(`at step ${Number(step) + 1} \\(epoch 3, batch 1\\)`);
      assertMatch(
        outcome!.message,
        /^Training has diverged: the training loss is not finite at step/,
      );
      assertMatch(outcome!.message, place);
      assertMatch(outcome!.message, /; try /);
      assertMatch(io.errLines.at(-1)!, place);
      const good = lastLine(io.outLines);
      assertEquals(io.outLines.filter((line) => /^epoch \d\/4: /.test(line)).length, 2);
      assert(Number.isFinite(Number(perplexityOf(good))), good);
      assertEquals(lastLine(await runTiny({})), good);
    }
  }));

Deno.test("train() notices what is not finite though no training loss shows it", () =>
  inFolder(async () => {
    // With --vocab a word that no text has: its vector is never read in training.
    Deno.writeTextFileSync("v.txt", "a\nb\nnever\n");
    Deno.mkdirSync("data");
    for (const part of ["train", "valid", "test"]) {
      Deno.writeTextFileSync(`data/${part}.txt`, "a b\nb a a\n");
    }
    const given = { data: "data", vocab: "v.txt", epochs: "3" };
    for (
      const [name, value, what] of [
        ["encoder.weight", Infinity, "the parameter encoder.weight"],
        ["criterion.bias.weight", 1e36, "the validation's score"],
      ] as const
    ) {
      const { outcome } = await trainTiny(given, (line, model, gpu) => {
        if (!line.startsWith("epoch 1/3: ")) return;
        const [, table] = model.parameters().find((entry) => entry[0] === name)!;
        const width = table.size / table.shape[0]!;
        using row = gpu.tensor([width], new Float32Array(width).fill(value));
        gpu.copy(row, table, { toStart: width * 5 });
      });
      const { step } = events("model").findLast(({ event }) => event === "epoch")!;
      const end = `${what} is not finite at step ${
        name === "encoder.weight" ? 2 * Number(step) : step
      }`;
      assertStringIncludes(outcome!.message, `Training has diverged: ${end} (epoch 2); try `);
    }
  }));

Deno.test("run() fails, saves nothing and names the option when the first epoch diverges", () =>
  inFolder(async () => {
    const error = await assertRejects(
      () =>
        runTiny({
          "train": true,
          "loss": "full",
          "lr": "1e30",
          "clip": "1e30",
          "weight-decay": "0",
        }),
      Failure,
    );
    assertMatch(
      error.message,
      /not finite at step \d+ \(epoch 1.*; try a smaller --(lr|clip) \(it is 1e\+30\)$/,
    );
    assertEquals(namesIn("saved_model"), [
      "model.checkpoint.safetensors", // of the start
      "model.config.json",
      "model.freq.txt",
      "model.metrics.jsonl",
    ]);
  }));

Deno.test("badParameter() finds what is not finite in another rank's shard, and in a whole table", () =>
  withGpu(async (gpu) => {
    for (const [bad, wanted] of [[NaN, "shard"], [1, undefined]] as const) {
      const found = ranksInProcess(2).map(async (communicator, rank) => {
        using whole = gpu.tensor([2], Float32Array.of(1, 2));
        using shard = gpu.tensor([2], Float32Array.of(1, rank === 1 ? bad : rank));
        shard.shard = { rank, ranks: 2, rows: 4 };
        return await badParameter(
          gpu,
          [["whole", whole], ["shard", shard]],
          new Ranks(communicator),
        );
      });
      assertEquals(await Promise.all(found), [wanted, wanted]);
    }
    using table = gpu.tensor([2], Float32Array.of(1, Infinity));
    assertEquals(await badParameter(gpu, [["table", table]], new Ranks()), "table");
  }));

Deno.test("likelyCure() names the option that is farthest from what is known to do well", () => {
  const cure = (given: Given) => likelyCure(parseSettings(given), 10_000);
  assertEquals(cure({}), "a smaller --lr (it is 1)");
  assertEquals(cure({ optimizer: "adam", lr: "0.1" }), "a smaller --lr (it is 0.1)");
  assertEquals(cure({ clip: "100" }), "a smaller --clip (it is 100)");
  assertEquals(cure({ "weight-decay": "0.5" }), "a smaller --weight-decay (it is 0.5)");
  for (const loss of ["nce", "full"]) {
    assertEquals(cure({ loss, "self-norm": "20" }), "a smaller --self-norm (it is 20)");
  }
  assertEquals(
    cure({ "nce": true, "norm-term": "-60" }),
    "--norm-term auto (it is -60, and the log of the vocabulary size 9.2)",
  );
});

Deno.test("train() goes on, tests and fails at the end when the model cannot be written", () =>
  inFolder(async () => {
    const path = "saved_model/model.safetensors";
    const block = (line: string) => {
      if (line.startsWith("epoch 1/2 | batch 3/")) Deno.mkdirSync(path);
    };
    const { io, outcome } = await trainTiny({}, block);
    assertMatch(
      io.errLines[0]!,
      /^warning: Cannot write .*; training goes on with the model in memory, and without checkpoints until it can be written$/,
    );
    assert(
      io.outLines.some((line) =>
        /^testing +the best, of epoch \d \(valid ppl [\d.]+\), from memory, as saved_model\/model.safetensors could not be written$/
          .test(line)
      ),
    );
    assertMatch(lastLine(io.outLines), /^test +ppl \d/);
    assertMatch(outcome!.message, /^Cannot write saved_model\/model.safetensors: /);
    Deno.removeSync(path, { recursive: true });
    const healed = await trainTiny({}, (line) => {
      block(line);
      if (line.startsWith("epoch 2/2: ")) Deno.removeSync(path, { recursive: true });
    });
    assertEquals(healed.outcome, undefined);
    assertEquals(lastLine(healed.io.outLines).slice(0, 5), "saved");
    const tested = healed.io.outLines.find((line) => line.startsWith("test "));
    assertEquals(lastLine(await runTiny({})), tested);
  }));

Deno.test("a checkpoint writes the best model that could not be written before, and knows of it", () =>
  inFolder(async () => {
    const path = "saved_model/model.safetensors";
    const best = (epochs: number) =>
      trainTiny({ "save": "other", epochs: String(epochs) }, () => {});
    await best(1);
    const wanted = Deno.readFileSync("saved_model/other.safetensors");
    let written: Uint8Array | undefined;
    const { io, outcome } = await trainTiny({ "checkpoint-minutes": "0" }, (line) => {
      if (line.startsWith("epoch 1/2 | batch 3/")) Deno.mkdirSync(path);
      if (line.startsWith("epoch 2/2 | batch 3/")) Deno.removeSync(path);
      if (line.startsWith("saved ")) written = Deno.readFileSync(path);
      if (line.startsWith("epoch 2/2 | batch 9/")) throw new Failure("stopped here");
    });
    assertEquals(outcome?.message, "stopped here");
    assertEquals(written, wanted);
    const stays = io.errLines.filter((line) => line.includes("and the checkpoint before stays"));
    assert(stays.length > 0);
    assertMatch(
      stays[0]!,
      /^warning: Cannot write saved_model\/model.safetensors: .* epoch 1, after \d+ batches$/,
    );
    const resumed = await trainTiny({ "checkpoint-minutes": "0", "resume": true }, () => {});
    assertEquals(resumed.outcome, undefined);
    assertMatch(
      resumed.io.outLines.find((line) => line.startsWith("resumes "))!,
      /: epoch 2, after [89] batches$/,
    );
    await best(2);
    assertEquals(Deno.readFileSync(path), Deno.readFileSync("saved_model/other.safetensors"));
  }));

Deno.test("train() tests and fails at the end when the model of no completed epoch cannot be written", () =>
  inFolder(async () => {
    const path = "saved_model/model.safetensors";
    const { io, outcome } = await trainTiny({ "max-minutes": "0" }, (line) => {
      if (line.startsWith("checkpoint ")) Deno.mkdirSync(path);
    });
    assertMatch(
      io.errLines.at(-1)!,
      /^warning: Cannot write .*; the test takes the model in memory$/,
    );
    assert(
      io.outLines.some((line) =>
        /^testing +the model as it is, as no epoch was completed \(valid ppl [\d.]+\), from memory, /
          .test(line)
      ),
    );
    assertMatch(lastLine(io.outLines), /^test +ppl \d/);
    assertEquals(outcome!.message, `Cannot write ${path}: it is a folder`);
  }));

Deno.test("train() tells which model it replaces, and warns if that was a better one", () =>
  inFolder(async () => {
    const replaces = (io: CapturedIo) => io.outLines.filter((line) => line.startsWith("replaces "));
    const validOf = (io: CapturedIo) => / \(valid (ppl [\d.]+)\)$/.exec(testing(io))![1]!;
    const testing = (io: CapturedIo) => io.outLines.find((line) => line.startsWith("testing "))!;
    const first = (await trainTiny({ lr: "0.1" }, () => {})).io;
    assertEquals([replaces(first), first.errLines], [[], []]);
    const worse = (await trainTiny({ lr: "10" }, () => {})).io;
    assertEquals(replaces(worse), [
      `replaces    saved_model/model.safetensors (valid ${validOf(first)}) when the first epoch ` +
      "is done, and keeps it as saved_model/model.previous.safetensors",
    ]);
    assertEquals(worse.errLines, [
      `warning: the model that was replaced had a better validation: ${validOf(first)}`,
    ]);
    const better = (await trainTiny({ lr: "0.1" }, () => {})).io;
    assertEquals(replaces(better).length, 1);
    assertEquals(better.errLines, []);
    // A loss and a perplexity are not compared.
    const { io, outcome } = await trainTiny({ nce: false, loss: "neg" }, () => {});
    assertEquals([outcome, io.errLines], [undefined, []]);
    assertMatch(
      testing(io),
      /^testing +saved_model\/model.safetensors, the best, of epoch \d \(valid loss [\d.]+\)$/,
    );
  }));

Deno.test("train() shows training and validation of an epoch in one line", () =>
  inFolder(async () => {
    const nce = await runTiny({ train: true, nce: true, epochs: "1" });
    const epoch = nce.find((line) => line.startsWith("epoch 1/1: "))!;
    assertMatch(
      epoch,
      /^epoch 1\/1: train loss \d+\.\d{4}, valid ppl [\d.]+, \d+s, [\d,]+ tokens\/s, saved saved_model\/model\.safetensors$/,
    );
    const full = await runTiny({ train: true, epochs: "1" });
    assertMatch(
      full.find((line) => line.startsWith("epoch 1/1: "))!,
      /: train ppl [\d.]+, valid ppl/,
    );
    assert(
      events("model").every(({ event, trainLoss }) =>
        (event === "epoch") === (trainLoss !== undefined)
      ),
    );
  }));
