// Models go to PyTorch and come from it: the lines of docs/pytorch.md agree with the program on every word.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { exportModel } from "../../../example/commands/export.ts";
import { importModel } from "../../../example/commands/import.ts";
import { BOS } from "../../../example/data/vocab.ts";
import type { Given } from "../../../example/options/option.ts";
import { type LoadedModel, loadModel } from "../../../example/storage/saved_model.ts";
import type { Gpu } from "../../../mod.ts";
import { captureIo } from "../../support/capture_io.ts";
import { assertClose } from "../../support/close.ts";
import { inFolder } from "../../support/folder.ts";
import { withGpu } from "../../support/gpu.ts";
import { hasTorch, python } from "../../support/python.ts";
import { runTiny } from "../../support/tiny_run.ts";
import { wordsOf } from "../../support/texts.ts";

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
      texts = sentences(wordsOf(loaded.vocabulary));
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
  "tied LSTM": { nlayers: "1", emsize: "10", nhid: "14", nce: true, tied: true },
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
    def __init__(self, linear, tied=False):
        super().__init__()
        if linear:
            self.encoder = nn.Embedding(V, E)
            self.rnn = nn.LSTM(E, H, 2)
            self.proj = nn.Linear(H, E)
        self.criterion = Linear() if linear else Gru()
        if tied:
            self.encoder.weight = self.criterion.emb.weight
`;

const OPTIONS: Given = { "loss": "nce", "noise-ratio": "5", "norm-term": "9", "dropout": "0.2" };

const MADE = { LSTM: "True", "tied LSTM": "True, tied=True", GRU: "False" };
for (const [kind, made] of Object.entries(MADE)) {
  Deno.test({
    name:
      `a state_dict of the original's ${kind} has its log probabilities here, and so has its export`,
    ignore: !TORCH,
    fn: () =>
      inFolder(async () => {
        const vocabulary = '{"words": words, "counts": counts}';
        const save = `save(Model(${made}).state_dict(), ${vocabulary}, "mine.safetensors")`;
        assertEquals(await python(".", ORIGINAL + SAVE + save), { code: 0, out: "", err: "" });
        const io = captureIo();
        importModel("mine.safetensors", OPTIONS, io);
        const network = kind === "GRU" ? "GRU 9" : "LSTM 2 x 9";
        const embedding = `embedding 6${kind.startsWith("tied") ? ", tied" : ""}`;
        assertMatch(
          io.outLines[0]!,
          RegExp(
            `^wrote {7}saved_model/mine.safetensors: ${network}, ${embedding}, [0-9].* loss nce`,
          ),
        );
        // The document's lines read floats alone: the original's file has a table of integers, too.
        exportModel("mine", { out: "again.safetensors" }, captureIo());
        const script = READ + (kind === "GRU" ? GRU : LSTM);
        await expectAgreement("mine", script, "again.safetensors");
        const compare = `${ORIGINAL}\n${READ.replace("sys.argv[1]", '"again.safetensors"')}
original = Model(${made})
missing = original.load_state_dict(state, strict=False)
assert not missing.unexpected_keys, missing
assert all("alias" in key or "noise" in key for key in missing.missing_keys), missing
torch.manual_seed(7)
assert all(torch.equal(a, b) for a, b in zip(original.parameters(), Model(${made}).parameters()))`;
        assertEquals(await python(".", compare), { code: 0, out: "", err: "" });
      }),
  });
}
