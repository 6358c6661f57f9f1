// export and import: models go to PyTorch and come back, and agree with it about every word.

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { exportModel } from "../../../example/commands/export.ts";
import { importModel } from "../../../example/commands/import.ts";
import { BOS } from "../../../example/data/vocab.ts";
import type { Given } from "../../../example/options/settings.ts";
import { Failure, UsageError } from "../../../example/shared/errors.ts";
import { openBytes } from "../../../example/shared/files.ts";
import { type LoadedModel, loadModel } from "../../../example/storage/checkpoint.ts";
import { decodeModel, type ModelFile } from "../../../example/storage/model_file.ts";
import { encodeHeader } from "../../../example/storage/safetensors.ts";
import type { Gpu } from "../../../mod.ts";
import { captureIo } from "../../support/capture_io.ts";
import { assertClose } from "../../support/close.ts";
import { inFolder, namesIn } from "../../support/folder.ts";
import { withGpu } from "../../support/gpu.ts";
import { fileOf, smallSettings, WORDS } from "../../support/model_files.ts";
import { hasTorch, python } from "../../support/python.ts";
import { runTiny } from "../../support/tiny_run.ts";

const DOCUMENT = Deno.readTextFileSync(new URL("../../../docs/pytorch.md", import.meta.url));
/** The document's lines that read a file, that use an LSTM and a GRU, and that write a file. */
const [READ = "", LSTM = "", GRU = "", SAVE = ""] = [...DOCUMENT.matchAll(/```python\n(.*?)```/gs)]
  .map(([, lines]) => lines!);
const TOLERANCE = { atol: 1e-4, rtol: 0 };
const TORCH = await hasTorch();
if (!TORCH) {
  console.log("PyTorch is not installed: it is not compared with (PYTHON names a Python)");
}

/** Sentences, some with unknown words; `words` are those that may be known. */
function sentences(words: readonly string[]): string[][] {
  const word = (i: number) =>
    i % 7 === 6 ? "never-seen" : words[3 + (i * i + 5 * i) % (words.length - 3)]!;
  return [0, 1, 3, 12, 40].map((length) => Array.from({ length }, (_, i) => word(i + length)));
}

/** Log probabilities of the words of a sentence, and of the mark at its end. */
async function logProbs(gpu: Gpu, { model, vocabulary }: LoadedModel, words: readonly string[]) {
  const ids = Uint32Array.of(BOS, ...vocabulary.encode(words), BOS), T = ids.length - 1;
  using step = gpu.step();
  const [input, target] = [step.upload(ids.slice(0, T), [T, 1]), step.upload(ids.slice(1), [T, 1])];
  const { score, logZ } = model.normalize(step, input, target), z = await gpu.readFloats(logZ);
  return (await gpu.readFloats(score)).map((s, i) => s - z[i]!);
}

/** What a script prints: a line of numbers for each line of its input. */
async function numbersOf(
  script: string,
  args: readonly string[],
  input: string,
): Promise<number[][]> {
  const { code, out, err } = await python(".", script, args, input);
  assertEquals({ code, err }, { code: 0, err: "" });
  return out.trimEnd().split("\n").map((line) => line.split(" ").map(Number));
}

/** Compares a model with what a script says of the same sentences. */
async function expectAgreement(name: string, script: string, path: string): Promise<void> {
  await withGpu(async (gpu) => {
    const loaded = loadModel(gpu, `saved_model/${name}.safetensors`),
      texts = sentences(loaded.vocabulary.words);
    using _model = loaded.model;
    const input = texts.map((words) => `${words.join(" ")}\n`).join("");
    const found = await numbersOf(script, [path], input);
    assertEquals(found.length, texts.length);
    for (const [i, words] of texts.entries()) {
      assertEquals(found[i]!.length, words.length + 1);
      const own = await logProbs(gpu, loaded, words);
      assertClose(own, found[i]!, TOLERANCE, `sentence ${i}`);
      assert(own.every((logProb) => logProb < 0));
    }
  });
}

const KINDS: Readonly<Record<string, Given>> = {
  LSTM: { nlayers: "2", emsize: "10", nhid: "14", nce: true },
  GRU: { "index-module": "gru", emsize: "10", nhid: "14" },
};

for (const [kind, given] of Object.entries(KINDS)) {
  Deno.test({
    name:
      `the lines of docs/pytorch.md give an exported ${kind} the log probabilities that it has here`,
    ignore: !TORCH,
    fn: () =>
      inFolder(async () => {
        await runTiny({ train: true, ...given, lr: "0.5" });
        exportModel("model", {}, captureIo());
        const script = READ + (kind === "GRU" ? GRU : LSTM);
        await expectAgreement("model", script, "saved_model/pytorch/model.safetensors");
      }),
  });
}

/** A model as the original's, of random numbers. */
const ORIGINAL = `
import torch
from torch import nn
V, E, H = 30, 6, 9
words = ["<unk>", "<s>", "</s>"] + [f"w{i}" for i in range(V - 3)]
counts = [5, 40, 0] + [1 + 300 // (i + 1) for i in range(V - 3)]
torch.manual_seed(7)

class Alias(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("prob", torch.rand(V))
        self.register_buffer("alias", torch.randint(V, (V,)))

class Criterion(nn.Module):
    def __init__(self):
        super().__init__()
        noise = torch.tensor(counts).float()
        noise = (noise / noise.sum()).clamp(min=1e-10)
        self.register_buffer("logprob_noise", (noise / noise.sum()).log())
        self.alias = Alias()

class Linear(Criterion):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(V, E)
        self.bias = nn.Embedding(V, 1)

class Gru(Criterion):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Embedding(V, E), nn.Dropout(0.2))
        self.rnn = nn.GRU(E, H, batch_first=True)
        self.scorer = nn.Sequential(nn.Dropout(0.2), nn.Linear(H, 1))

class Model(nn.Module):
    def __init__(self, linear):
        super().__init__()
        if linear:
            self.encoder = nn.Embedding(V, E)
            self.rnn = nn.LSTM(E, H, 2)
            self.proj = nn.Linear(H, E)
        self.criterion = Linear() if linear else Gru()
`;

const OPTIONS: Given = { "loss": "nce", "noise-ratio": "5", "norm-term": "9", "dropout": "0.2" };

for (const [kind, isLinear] of [["LSTM", "True"], ["GRU", "False"]] as const) {
  Deno.test({
    name:
      `a state_dict of the original's ${kind} has its log probabilities here, and so has its export`,
    ignore: !TORCH,
    fn: () =>
      inFolder(async () => {
        const vocabulary = '{"words": words, "counts": counts}';
        const save = `save(Model(${isLinear}).state_dict(), ${vocabulary}, "mine.safetensors")`;
        assertEquals(await python(".", ORIGINAL + SAVE + save), { code: 0, out: "", err: "" });
        const io = captureIo();
        importModel("mine.safetensors", OPTIONS, io);
        const network = kind === "LSTM" ? "LSTM 2 x 9" : "GRU 9";
        assertMatch(
          io.outLines[0]!,
          RegExp(`^wrote {7}saved_model/mine.safetensors: ${network}, .* loss nce`),
        );
        // The document's lines read floats alone: the original's file has a table of integers, too.
        exportModel("mine", { out: "again.safetensors" }, captureIo());
        const script = READ + (kind === "LSTM" ? LSTM : GRU);
        await expectAgreement("mine", script, "again.safetensors");
        const compare = `${ORIGINAL}\n${READ.replace("sys.argv[1]", '"again.safetensors"')}
original = Model(${isLinear})
missing = original.load_state_dict(state, strict=False)
assert not missing.unexpected_keys, missing
assert all("alias" in key or "noise" in key for key in missing.missing_keys), missing
torch.manual_seed(7)
assert all(torch.equal(a, b) for a, b in zip(original.parameters(), Model(${isLinear}).parameters()))`;
        assertEquals(await python(".", compare), { code: 0, out: "", err: "" });
      }),
  });
}

/** A model file of these settings in `saved_model`, and what it holds. */
function saved(name: string, given: Given): ModelFile {
  Deno.mkdirSync("saved_model", { recursive: true });
  const path = `saved_model/${name}.safetensors`;
  Deno.writeFileSync(path, fileOf(smallSettings(given)));
  return contents(path);
}

function contents(path: string): ModelFile {
  using file = openBytes(path);
  return decodeModel(file, path);
}

Deno.test("what was exported is imported again as it was, without any option", () =>
  inFolder(() => {
    const kinds: Given[] = [
      { "norm-term": "auto" },
      { nlayers: "3", loss: "full", "norm-term": "9", dropout: "0.5" },
      { "index-module": "gru", nlayers: "1", "norm-term": "-2.5", loss: "mix", seed: "5" },
      { loss: "sampled", unique: true, "noise-ratio": "4", "norm-term": "auto" },
      { noise: "batch+uniform", "self-norm": "1e-7", "norm-term": "auto" },
    ];
    for (const [i, given] of kinds.entries()) {
      const before = saved(`m${i}`, given), io = captureIo();
      exportModel(`m${i}`, { to: "pytorch" }, io);
      const path = `saved_model/pytorch/m${i}.safetensors`;
      assertEquals(io.outLines, [`wrote       ${path} and saved_model/pytorch/m${i}.json`]);
      importModel(path, { save: `again${i}` }, captureIo());
      const after = contents(`saved_model/again${i}.safetensors`);
      assertEquals(after.settings, before.settings);
      assertEquals(after.parameters, before.parameters);
      assert(after.vocabulary.equals(before.vocabulary));
    }
    assert(
      namesIn("saved_model").every((name) => !name.endsWith(".lock") && !name.endsWith(".tmp")),
    );
  }));

Deno.test("a learned norm term goes into the settings, as the original has none", () =>
  inFolder(() => {
    for (const given of [{}, { "index-module": "gru", nlayers: "1" }]) {
      const before = saved("m", { ...given, "norm-term": "learned" });
      exportModel("m", {}, captureIo());
      importModel("saved_model/pytorch/m.safetensors", { save: "again" }, captureIo());
      const { settings, parameters } = contents("saved_model/again.safetensors");
      const [name, value] = [...before.parameters].find(([name]) => name.endsWith("norm_term"))!;
      assertEquals(settings, { ...before.settings, normTerm: value[0]! });
      assertEquals(new Map([...parameters, [name, value]]), before.parameters);
      Deno.removeSync("saved_model/again.safetensors");
    }
  }));

Deno.test("export and import refuse what would lose a model or cannot be, in one line", () =>
  inFolder(() => {
    const io = captureIo(), settings = smallSettings();
    saved("m", { "norm-term": "auto" });
    const before = Deno.readFileSync("saved_model/m.safetensors");
    const refuse = (kind: typeof UsageError | typeof Failure, message: string, run: () => void) => {
      const error = assertThrows(run);
      assert(error instanceof kind);
      assertEquals(error.message, message);
    };
    refuse(
      UsageError,
      "Cannot replace saved_model/m.safetensors, which is no export: give another file by --out",
      () => exportModel("m", { out: "saved_model/m.safetensors" }, io),
    );
    Deno.writeFileSync("run.safetensors", encodeHeader([], { kind: "nce checkpoint" }));
    Deno.writeTextFileSync("notes.json", "mine");
    for (const [out, kept] of [["run", "run.safetensors"], ["notes", "notes.json"]]) {
      refuse(
        UsageError,
        `Cannot replace ${kept}, which is no export: give another file by --out`,
        () => exportModel("m", { out: `${out}.safetensors` }, io),
      );
    }
    exportModel("m", { out: "twice.safetensors" }, io);
    exportModel("m", { out: "twice.safetensors" }, io); // an export may be replaced
    refuse(
      UsageError,
      '--out must be a path that ends in .safetensors, got "m.pt"',
      () => exportModel("m", { out: "m.pt" }, io),
    );
    refuse(
      UsageError,
      "There is no model saved_model/n.safetensors: saved_model has m",
      () => exportModel("n", {}, io),
    );
    refuse(
      UsageError,
      "Cannot read none.safetensors: there is no such file",
      () => importModel("none.safetensors", OPTIONS, io),
    );
    exportModel("m", { out: "m.safetensors" }, io);
    refuse(
      UsageError,
      "There is a model saved_model/m.safetensors already: give another name by --save",
      () => importModel("m.safetensors", {}, io),
    );
    Deno.copyFileSync("m.safetensors", "x.safetensors");
    refuse(
      UsageError,
      "There is no vocabulary x.json: give the words and their counts by --vocab",
      () => importModel("x.safetensors", {}, io),
    );
    importModel("x.safetensors", { vocab: "m.json" }, io); // and it can be given
    Deno.writeTextFileSync("m2.json", "{}");
    Deno.writeFileSync("m2.safetensors", fileOf(settings));
    refuse(
      Failure,
      "Cannot load m2.safetensors: it is a model of this program already: use it as it is",
      () => importModel("m2.safetensors", {}, io),
    );
    assertEquals(Deno.readFileSync("saved_model/m.safetensors"), before);
    assertEquals(namesIn("saved_model"), ["m.safetensors", "x.safetensors"]);
  }));

/** Writes `bare.safetensors`, a state_dict with these tensors besides or in the place of good ones. */
function writeBare(changes: Readonly<Record<string, number[] | undefined>> = {}): void {
  const gates = (n: number) => ({
    [`rnn.weight_ih_l${n}`]: [8, n === 0 ? 3 : 2],
    [`rnn.weight_hh_l${n}`]: [8, 2],
    [`rnn.bias_ih_l${n}`]: [8],
    [`rnn.bias_hh_l${n}`]: [8],
  });
  const all = {
    "encoder.weight": [5, 3],
    ...gates(0),
    "proj.weight": [3, 2],
    "proj.bias": [3],
    "criterion.emb.weight": [5, 3],
    "criterion.bias.weight": [5, 1],
    ...changes,
  };
  const shapes = Object.entries(all).flatMap(([name, shape]) =>
    shape === undefined ? [] : [[name, shape] as const]
  );
  const size = shapes.reduce((sum, [, shape]) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const header = encodeHeader(shapes);
  Deno.writeFileSync("bare.safetensors", new Uint8Array([...header, ...new Uint8Array(4 * size)]));
}

const VOCABULARY = { words: WORDS.words, counts: WORDS.counts };

Deno.test("import says what is missing of a state_dict, its options and its vocabulary", () =>
  inFolder(() => {
    const refuse = (message: string, given: Given = OPTIONS) => {
      const run = () => importModel("bare.safetensors", given, captureIo());
      const error = assertThrows(run);
      assert(error instanceof UsageError || error instanceof Failure);
      assert(error.message.endsWith(message), error.message);
    };
    const write = (vocabulary: unknown) =>
      Deno.writeTextFileSync("bare.json", JSON.stringify(vocabulary));
    writeBare();
    write(VOCABULARY);
    const { dropout: _dropout, ...undropped } = OPTIONS;
    refuse(
      "bare.safetensors does not tell --dropout and --loss of its training: give what it was",
      {},
    );
    refuse("does not tell --dropout of its training: give what it was", undropped);
    refuse("does not tell --noise-ratio and --norm-term of its training: give what it was", {
      loss: "nce",
      dropout: "0",
    });
    refuse("does not tell --noise-ratio of its training: give what it was", {
      loss: "sampled",
      dropout: "0",
    });
    refuse('--norm-term must be auto or a number from -1000 to 1000, got "learned"', {
      ...OPTIONS,
      "norm-term": "learned",
    });
    refuse('--dropout must be a number from 0 to 0.999, got "2"', { ...OPTIONS, dropout: "2" });
    refuse('of at most 200 bytes, got "a/b"', { ...OPTIONS, save: "a/b" });

    write({ words: [...WORDS.words, "b"], counts: [...WORDS.counts, 1] });
    refuse("bare.safetensors: it has 5 words, and bare.json has 6; give its own by --vocab");
    write({ words: WORDS.words });
    refuse('Cannot load bare.json: it has no "counts", a list with one entry a word');
    write([]);
    refuse('Cannot load bare.json: it is not {"words": [...], "counts": [...]}');
    write({ ...VOCABULARY, counts: [1, 2, 3, 4, -5] });
    refuse("the count of word 4 is not a whole number from 0 up");
    Deno.writeTextFileSync("bare.json", "{");
    refuse("Cannot load bare.json: it is not JSON");
    Deno.writeFileSync("bare.json", new Uint8Array([0x22, 0xff, 0x22]));
    refuse("Cannot load bare.json: it is not JSON");
    write(VOCABULARY);

    writeBare({ "encoder.weight": undefined });
    refuse(
      "it has neither encoder.weight, as one with an LSTM, nor encoder.0.weight, as one with a GRU",
    );
    writeBare({ "rnn.weight_hh_l0": undefined });
    refuse("it has no rnn.weight_hh_l0");
    writeBare({ "proj.bias": undefined });
    refuse("it has no proj.bias");
    writeBare({ "rnn.weight_ih_l0_reverse": [8, 3] });
    refuse("its tensor rnn.weight_ih_l0_reverse belongs to no such model");
    writeBare({ "criterion.bias.weight": [5] });
    refuse("criterion.bias.weight is [5], expected [5,1]");
    writeBare({ "criterion.logprob_noise": [5] });
    refuse(
      'its noise has another probability for "<unk>" than the counts of bare.json; ' +
        "give the words and counts that it was trained with by --vocab",
    );
    Deno.writeTextFileSync("bare.safetensors", "no model at all");
    refuse("a header of 7810759558478983022 bytes in a file of 15");
    assertEquals(namesIn("."), ["bare.json", "bare.safetensors"], "nothing was written");
  }));
