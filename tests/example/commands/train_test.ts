// A device that has too little memory for a model or its training: the error names what was asked for, and options.

import { assertMatch, assertRejects } from "@std/assert";
import { trainModel } from "../../../example/commands/train.ts";
import { Epochs } from "../../../example/data/batches.ts";
import { loadCorpus } from "../../../example/data/corpus.ts";
import type { Given } from "../../../example/options/option.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { Failure } from "../../../example/shared/errors.ts";
import { Gpu, type Tensor } from "../../../mod.ts";
import { captureIo } from "../../support/capture_io.ts";
import { inFolder } from "../../support/folder.ts";
import { outOfMemory } from "../../support/out_of_memory.ts";
import { TINY } from "../../support/tiny_run.ts";

/** The error of a training on a device that is full for as long as it makes tensors that `isTooLarge` picks. */
async function failure(given: Given, isTooLarge: (shape: readonly number[]) => boolean) {
  const settings = parseSettings({ ...TINY, "train": true, "nce": true, ...given });
  const corpus = await loadCorpus({ data: TINY["data"] as string }), io = captureIo();
  const epochs = new Epochs(corpus.train, settings);
  await using gpu = await Gpu.create();
  for (const name of ["tensor", "table"] as const) {
    const make: (shape: readonly number[], ...rest: never[]) => Tensor = gpu[name].bind(gpu);
    gpu[name] = (shape: readonly number[], ...rest: unknown[]) => {
      using _full = isTooLarge(shape) ? outOfMemory(gpu.device) : undefined;
      return make(shape, ...rest as never[]);
    };
  }
  return await assertRejects(() => trainModel({ gpu, settings, corpus, epochs, io }), Failure);
}

Deno.test("a device without memory for a table or its moments tells which options need less", () =>
  inFolder(async () => {
    const cure =
      "give fewer words \\(--min-freq, --vocab\\), a smaller --emsize or --batch-size, --tied, " +
      "--table-dtype f16 or --momentum 0$";
    const { message } = await failure({}, ([rows, columns]) => rows! > 90 && columns === 12);
    assertMatch(
      message,
      new RegExp(
        `^out of GPU memory: asked for [\\d.]+ kB \\(a tensor \\[\\d+,12\\]\\), held .*; ${cure}`,
      ),
    );
    // Where rows wait for updates, what each has had is kept from the first step on.
    const later = await failure({}, ([rows, columns]) => rows === 1025 && columns === 4);
    assertMatch(later.message, new RegExp(`\\(a tensor \\[1025,4\\]\\), held [^;]*; ${cure}`));
  }));
