// export and import: what is exported comes back as it was, and what cannot be is refused in one line.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { exportModel } from "../../../example/commands/export.ts";
import { importModel } from "../../../example/commands/import.ts";
import type { Given } from "../../../example/options/option.ts";
import { Failure, UsageError } from "../../../example/shared/errors.ts";
import { openBytes } from "../../../example/shared/files.ts";
import { decodeModel } from "../../../example/storage/model_file.ts";
import { readPytorch } from "../../../example/storage/pytorch.ts";
import { encodeHeader } from "../../../example/storage/safetensors.ts";
import { captureIo } from "../../support/capture_io.ts";
import { inFolder, namesIn } from "../../support/folder.ts";
import {
  type Entry,
  fileOf,
  headerOf,
  parametersOf,
  smallSettings,
  withHeader,
} from "../../support/model_files.ts";
import { listsOf } from "../../support/texts.ts";

/** A model file of these settings in `saved_model`, and what it holds. */
function saved(name: string, given: Given) {
  Deno.mkdirSync("saved_model", { recursive: true });
  const path = `saved_model/${name}.safetensors`;
  Deno.writeFileSync(path, fileOf(smallSettings(given)));
  return contents(path);
}

/** A model file with its numbers. */
function contents(path: string) {
  using file = openBytes(path);
  const { vocabulary, settings, parameters } = decodeModel(file);
  return { vocabulary, settings, parameters: parametersOf({ parameters }) };
}

Deno.test("what was exported is imported again as it was, without any option", () =>
  inFolder(() => {
    const kinds: Given[] = [
      { "norm-term": "auto" },
      { nlayers: "3", loss: "full", "norm-term": "9", dropout: "0.5" },
      { "index-module": "gru", nlayers: "1", "norm-term": "-2.5", loss: "mix", seed: "5" },
      { loss: "sampled", unique: true, "noise-ratio": "4", "norm-term": "auto" },
      { noise: "batch+uniform", "self-norm": "1e-7", "norm-term": "auto" },
      { tied: true, "norm-term": "auto" },
    ];
    for (const [i, given] of kinds.entries()) {
      const before = saved(`m${i}`, given), io = captureIo();
      exportModel(`m${i}`, { to: "pytorch" }, io);
      const path = `saved_model/pytorch/m${i}.safetensors`;
      assertEquals(io.outLines, [`wrote       ${path} and saved_model/pytorch/m${i}.json`]);
      const { __metadata__, ...entries } = JSON.parse(headerOf(Deno.readFileSync(path)).json);
      const isCriterion = Object.keys(entries).every((name) => name.startsWith("criterion."));
      assertEquals(isCriterion, given["index-module"] === "gru");
      importModel(path, { save: `again${i}` }, captureIo());
      const after = contents(`saved_model/again${i}.safetensors`);
      assertEquals(after.settings, before.settings);
      assertEquals(after.parameters, before.parameters);
      assertEquals(listsOf(after.vocabulary), listsOf(before.vocabulary));
    }
    // What is given takes the place of what the file says.
    const given = { save: "given", loss: "nce", "noise-ratio": "7", dropout: "0.75" };
    importModel("saved_model/pytorch/m1.safetensors", given, captureIo());
    const { loss, noiseRatio, dropout } = contents("saved_model/given.safetensors").settings;
    assertEquals([loss, noiseRatio, dropout], ["nce", 7, 0.75]);
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

Deno.test("a tied table has both names in PyTorch, and two equal tables are a tied one here", () =>
  inFolder(() => {
    const { parameters } = saved("m", { tied: true, "norm-term": "auto" });
    const table = parameters.get("criterion.emb.weight");
    exportModel("m", { out: "m.safetensors" }, captureIo());
    const places = () => {
      using file = openBytes("m.safetensors");
      const { parameters, sizes } = readPytorch(file);
      return { tied: sizes.tied, names: [...parameters.keys()] };
    };
    const { json, start } = headerOf(Deno.readFileSync("m.safetensors"));
    const header = JSON.parse(json), data = Deno.readFileSync("m.safetensors").slice(start);
    for (const name of ["encoder.weight", "criterion.emb.weight"]) {
      const [begin, end] = header[name].data_offsets;
      assertEquals(new Float32Array(data.slice(begin, end).buffer), table, name);
    }
    assertEquals(places(), { tied: true, names: [...parameters.keys()] });
    // As the package safetensors saves a model in which one tensor has two names.
    const { "encoder.weight": first, ...others } = header, size = first.data_offsets[1];
    assertEquals(first.data_offsets[0], 0);
    for (const { data_offsets } of Object.values<Entry>(others)) {
      data_offsets?.forEach((at, i) => data_offsets[i] = at - size);
    }
    const once = (metadata: object) =>
      withHeader(JSON.stringify({ ...others, __metadata__: metadata }), data.slice(size));
    Deno.writeFileSync("m.safetensors", once({ "encoder.weight": "criterion.emb.weight" }));
    assertEquals(places(), { tied: true, names: [...parameters.keys()] });
    Deno.writeFileSync("m.safetensors", once({ "encoder.weight": "proj.weight" }));
    assertThrows(places, Failure, "it has neither encoder.weight, as one with an LSTM");
    // Trained apart by one number.
    data[0]! ^= 1;
    Deno.writeFileSync("m.safetensors", withHeader(json, data));
    assertEquals(places(), { tied: false, names: ["encoder.weight", ...parameters.keys()] });
    importModel("m.safetensors", { save: "apart" }, captureIo());
    assertEquals(contents("saved_model/apart.safetensors").settings.tied, false);
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
      "Cannot write saved_model/m.safetensors, which is read: give another --out",
      () => exportModel("m", { out: "saved_model/m.safetensors" }, io),
    );
    Deno.writeFileSync("run.safetensors", encodeHeader([], { kind: "nce checkpoint" }));
    Deno.writeFileSync("torch.safetensors", encodeHeader([], { format: "pt" })); // a state_dict
    Deno.writeTextFileSync("text.safetensors", "some text");
    for (const kept of ["run.safetensors", "torch.safetensors", "text.safetensors"]) {
      const bytes = Deno.readFileSync(kept);
      refuse(
        UsageError,
        `Cannot replace ${kept}, which is no export: give another --out`,
        () => exportModel("m", { out: kept }, io),
      );
      assertEquals(Deno.readFileSync(kept), bytes);
    }
    exportModel("m", { out: "twice.safetensors" }, io);
    exportModel("m", { out: "twice.safetensors" }, io); // an export may be replaced
    for (const beside of ["notes", "twice"]) { // without a file of that name, and with one
      Deno.writeTextFileSync(`${beside}.json`, '{"mine": 1}');
      refuse(
        UsageError,
        `Cannot replace ${beside}.json, which is no vocabulary of an export: give another --out`,
        () => exportModel("m", { out: `${beside}.safetensors` }, io),
      );
    }
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
      () => importModel("none.safetensors", {}, io),
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
    refuse(
      Failure,
      "Cannot load run.safetensors: it is a checkpoint, from which --train --resume goes on, and no model",
      () => importModel("run.safetensors", {}, io),
    );
    const { message } = assertThrows(() => importModel("m.json", {}, io), Failure);
    assert(message.startsWith("Cannot load m.json: it is truncated or no safetensors file: "));
    Deno.writeFileSync("m2.safetensors", fileOf(settings));
    refuse(
      Failure,
      "Cannot load m2.safetensors: it is a model of this program already: use it as it is",
      () => importModel("m2.safetensors", {}, io),
    );
    assertEquals(Deno.readFileSync("saved_model/m.safetensors"), before);
    assertEquals(namesIn("saved_model"), ["m.safetensors", "x.safetensors"]);
  }));
