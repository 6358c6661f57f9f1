// import: what is missing of a file that PyTorch wrote, its options or its vocabulary is named in one line.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { importModel } from "../../../example/commands/import.ts";
import type { Given } from "../../../example/options/option.ts";
import { Failure, UsageError } from "../../../example/shared/errors.ts";
import { encodeHeader } from "../../../example/storage/safetensors.ts";
import { captureIo } from "../../support/capture_io.ts";
import { inFolder, namesIn } from "../../support/folder.ts";
import { WORDS } from "../../support/model_files.ts";
import { wordsOf } from "../../support/texts.ts";

const OPTIONS: Given = { "loss": "nce", "noise-ratio": "5", "norm-term": "9", "dropout": "0.2" };

/**
 * Writes `bare.safetensors`, a state_dict with these tensors besides or in the place of good ones, one of them `wide`:
 * of 64 bits.
 */
function writeBare(
  changes: Readonly<Record<string, number[] | undefined>> = {},
  wide?: string,
  metadata: Readonly<Record<string, string>> = {},
): void {
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
    shape === undefined ? [] : [[name, shape, name === wide ? "F64" : "F32"] as const]
  );
  const size = shapes.reduce(
    (sum, [, shape, dtype]) => sum + shape.reduce((a, b) => a * b, dtype === "F64" ? 8 : 4),
    0,
  );
  const header = encodeHeader(shapes, metadata);
  Deno.writeFileSync("bare.safetensors", new Uint8Array([...header, ...new Uint8Array(size)]));
}

const VOCABULARY = { words: wordsOf(WORDS), counts: [...WORDS.counts] };

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
    refuse("does not tell --noise-ratio and --norm-term of its training: give what it was", {
      loss: "mix",
      dropout: "0",
    });
    refuse("Cannot read none.json: there is no such file", { ...OPTIONS, vocab: "none.json" });
    refuse("does not tell --noise-ratio of its training: give what it was", {
      loss: "sampled",
      dropout: "0",
    });
    refuse('--norm-term must be auto or a number from -1000 to 1000, got "learned"', {
      ...OPTIONS,
      "norm-term": "learned",
    });
    refuse('--dropout must be a number from 0 to 0.999, got "2"', { ...OPTIONS, dropout: "2" });
    refuse('of at most 200 bytes, got "a/b", for example --save b', { ...OPTIONS, save: "a/b" });

    write({ words: [...VOCABULARY.words, "b"], counts: [...WORDS.counts, 1] });
    refuse("bare.safetensors: it has 5 words, and bare.json has 6; give its own by --vocab");
    write({ words: VOCABULARY.words });
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
    writeBare({}, "proj.bias");
    refuse("proj.bias is F64, not F32; PyTorch's .float() converts it");
    writeBare(
      { "encoder.weight": undefined, "module.criterion.alias.prob": [5] },
      "module.criterion.alias.prob",
    );
    refuse(
      "it has neither encoder.weight, as one with an LSTM, nor encoder.0.weight, as one with a GRU",
    );
    writeBare({}, undefined, { settings: "3" });
    refuse("its settings are not a JSON object");
    Deno.writeTextFileSync("bare.safetensors", "no model at all");
    refuse("a header of 7810759558478983022 bytes in a file of 15");
    assertEquals(namesIn("."), ["bare.json", "bare.safetensors"], "nothing was written");
  }));

Deno.test("import leaves out the tables that the original draws its noise by, of whatever type", () =>
  inFolder(() => {
    const alias = ["criterion.alias.prob", "criterion.alias.alias"];
    writeBare(Object.fromEntries(alias.map((name) => [name, [5]])), alias[1]);
    Deno.writeTextFileSync("bare.json", JSON.stringify(VOCABULARY));
    importModel("bare.safetensors", OPTIONS, captureIo());
    assertEquals(namesIn("saved_model"), ["bare.safetensors"]);
  }));
