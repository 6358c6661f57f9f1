// The settings in a model file: a model has the tables again that it was trained with.

import { assertEquals, assertThrows } from "@std/assert";
import { makeModel } from "../../../example/model/make_model.ts";
import { loadModel } from "../../../example/storage/saved_model.ts";
import { keptSettings, readSettings } from "../../../example/storage/model_settings.ts";
import { cannotLoad } from "../../../example/storage/safetensors.ts";
import { Failure } from "../../../example/shared/errors.ts";
import { inFolder } from "../../support/folder.ts";
import { withGpu } from "../../support/gpu.ts";
import { smallSettings, WORDS } from "../../support/model_files.ts";
import { saveModel } from "../../support/saved_models.ts";

const F16 = { "table-dtype": "f16", "emsize": "4" };

Deno.test("tables of 16-bit floats are saved as 32-bit ones, exactly, and loaded with 16 bits again", () =>
  inFolder((folder) =>
    withGpu(async (gpu) => {
      for (const given of [F16, { ...F16, "index-module": "gru", "nlayers": "1" }]) {
        const settings = smallSettings(given), path = `${folder}/m.safetensors`;
        using model = makeModel(gpu, settings, WORDS);
        await saveModel(gpu, path, model, { settings, vocabulary: WORDS });
        using loaded = loadModel(gpu, path).model;
        for (const [i, [name, tensor]] of model.parameters().entries()) {
          const [again, other] = loaded.parameters()[i]!;
          const isTable = /encoder.*weight|emb/.test(name);
          assertEquals([again, other.dtype], [name, isTable ? "f16" : "f32"]);
          assertEquals(await gpu.readFloats(other), await gpu.readFloats(tensor), name);
        }
      }
    })
  ));

Deno.test("settings of a file from before there were 16-bit tables are those of 32 bits; odd widths are refused", () => {
  const fail = cannotLoad("m"), settings = keptSettings(smallSettings());
  const { tableDtype: _later, ...first } = settings;
  assertEquals(readSettings(first, fail), settings);
  assertEquals(settings.tableDtype, "f32");
  const odd = { ...settings, emsize: 3, tableDtype: "f16" };
  assertThrows(() => readSettings(odd, fail), Failure, "f16 tables have no odd emsize, 3");
});
