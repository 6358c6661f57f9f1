// The best model of a run: what is on disk, and when, so that a crash at any time loses none.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { BestModel } from "../../../example/storage/best_model.ts";
import { makeModel } from "../../../example/model/make_model.ts";
import { hashOfFile, loadModel } from "../../../example/storage/saved_model.ts";
import { Failure } from "../../../example/shared/errors.ts";
import { isFile } from "../../../example/shared/files.ts";
import { captureIo } from "../../support/capture_io.ts";
import { inFolder } from "../../support/folder.ts";
import { withGpu } from "../../support/gpu.ts";
import { smallSettings, WORDS } from "../../support/model_files.ts";

const PATH = "saved_model/m.safetensors", PREVIOUS = "saved_model/m.previous.safetensors";
const SETTINGS = smallSettings();
const BESIDE = { vocabulary: WORDS, settings: SETTINGS };

/** What a validation of an epoch finds. */
function found(epoch: number, measure: number): Parameters<BestModel["keep"]>[0] {
  return { epoch, validation: { kind: "ppl", measure } };
}

Deno.test("BestModel gives a model its name once `before` is done, and moves another run's away", () =>
  inFolder(() =>
    withGpu(async (gpu) => {
      using model = makeModel(gpu, SETTINGS, WORDS);
      Deno.mkdirSync("saved_model");
      Deno.writeTextFileSync(PATH, "another run's");
      Deno.writeTextFileSync("saved_model/m.checkpoint.config.json", "its options");
      const best = new BestModel(gpu, model, "m", BESIDE, captureIo());
      let sha256 = "";
      assert(
        await best.keep(found(1, 9), () => {
          assertEquals([isFile(PATH), Deno.readTextFileSync(PREVIOUS)], [false, "another run's"]);
          ({ sha256 } = best.best!); // so that a checkpoint knows of it
          return Promise.resolve();
        }),
      );
      assertEquals(hashOfFile(PATH), sha256);
      assertEquals(Deno.readTextFileSync("saved_model/m.config.json"), "its options");
      assert(best.isBetter({ kind: "ppl", measure: 8 }));
      assert(!best.isBetter({ kind: "ppl", measure: 9 }));
      await best.keep(found(2, 8), () => {
        assertEquals(hashOfFile(PATH), sha256, "the model before is there until then");
        return Promise.resolve();
      });
      assert(hashOfFile(PATH) !== sha256);
      assertEquals(Deno.readTextFileSync(PREVIOUS), "another run's");
      const failing = () => best.keep(found(3, 7), () => Promise.reject(new RangeError("a bug")));
      await assertRejects(failing, RangeError, "a bug");
    })
  ));

Deno.test("BestModel.resume() writes a file that is not there yet, and leaves others alone", () =>
  inFolder(() =>
    withGpu(async (gpu) => {
      using model = makeModel(gpu, SETTINGS, WORDS);
      const first = new BestModel(gpu, model, "m", BESIDE, captureIo());
      await first.keep(found(1, 9), () => Promise.resolve());
      const bytes = Deno.readFileSync(PATH), { best: saved } = first;
      Deno.removeSync(PATH);
      const second = new BestModel(gpu, model, "m", BESIDE, captureIo());
      await second.resume(saved, true);
      assertEquals(Deno.readFileSync(PATH), bytes);
      assertEquals(second.best, saved);
      // The parameters have moved on: whatever is there, it cannot be made again.
      Deno.writeTextFileSync(PATH, "another program's");
      const third = new BestModel(gpu, model, "m", BESIDE, captureIo());
      await third.resume(saved, false);
      assertEquals(Deno.readTextFileSync(PATH), "another program's");
      await assertRejects(
        () => third.restore(),
        Failure,
        "it is not the file that this run wrote",
      );
      Deno.writeFileSync(PATH, bytes);
      await third.restore();
      await third.keep(found(2, 8), () => Promise.resolve());
      assert(!isFile(PREVIOUS), "the file was this run's");
      const fourth = new BestModel(gpu, model, "m", BESIDE, captureIo());
      await fourth.resume(undefined, true); // a checkpoint of before the first validation
      await fourth.keep(found(1, 9), () => Promise.resolve());
      assert(isFile(PREVIOUS));
      loadModel(gpu, PATH).model.dispose();
    })
  ));

Deno.test("BestModel goes on in memory when it cannot be written, but not with a part of the tables", () =>
  inFolder(() =>
    withGpu(async (gpu) => {
      Deno.writeTextFileSync("saved_model", "a file, not a folder");
      for (const shard of [undefined, { rank: 0, ranks: 2 }]) {
        using model = makeModel(gpu, SETTINGS, WORDS, shard);
        const best = new BestModel(gpu, model, "m", BESIDE, captureIo());
        const kept = best.keep(found(1, 9), () => Promise.resolve());
        if (shard) await assertRejects(() => kept, Failure, "Cannot write saved_model/m");
        else assertEquals([await kept, best.saved], [false, false]);
      }
    })
  ));

Deno.test("BestModel gives back what it has in memory, and writes that once it can", () =>
  inFolder(() =>
    withGpu(async (gpu) => {
      using model = makeModel(gpu, SETTINGS, WORDS);
      const io = captureIo(), best = new BestModel(gpu, model, "m", BESIDE, io);
      await best.settle();
      const values = () =>
        Array.fromAsync(model.parameters(), ([, parameter]) => gpu.readFloats(parameter));
      const trainOn = () =>
        model.parameters().forEach(([, parameter]) =>
          gpu.write(parameter, new Float32Array(parameter.size))
        );
      const kept = await values();
      Deno.writeTextFileSync("saved_model", "a file, not a folder");
      const card = { mean: 9.5, std: 0.25, normTerm: 9, rawPplBest: 10 };
      await best.keep({ ...found(1, 9), card }, () => Promise.resolve());
      trainOn();
      await best.restore();
      assertEquals(await values(), kept);
      trainOn();
      await assertRejects(() => best.settle(), Failure, "Cannot write saved_model/m");
      Deno.removeSync("saved_model");
      await best.settle();
      assertEquals((await values()).flatMap((all) => [...all.filter((value) => value !== 0)]), []);
      assertEquals([best.saved, hashOfFile(PATH)], [true, best.best!.sha256]);
      const loaded = loadModel(gpu, PATH);
      assertEquals<unknown>(loaded.card, card);
      for (const [i, [, parameter]] of loaded.model.parameters().entries()) {
        assertEquals(await gpu.readFloats(parameter), kept[i]);
      }
      loaded.model.dispose();
      await best.settle();
      assertEquals(io.outLines, [`saved       ${PATH}, which could not be written before`]);
    })
  ));

Deno.test("BestModel warns if the other run's model was better, and moves none that is the same", () =>
  inFolder(() =>
    withGpu(async (gpu) => {
      using model = makeModel(gpu, SETTINGS, WORDS);
      const keep = async ({ epoch, validation }: ReturnType<typeof found>) => {
        const io = captureIo(), best = new BestModel(gpu, model, "m", BESIDE, io);
        await best.keep({ epoch, validation }, () => Promise.resolve());
        return io.errLines;
      };
      await keep(found(1, 9));
      assertEquals(await keep(found(2, 9)), []);
      assert(!isFile(PREVIOUS), "only the epoch differs, and the file does not tell it");
      assertEquals(await keep(found(1, 8)), []);
      assert(isFile(PREVIOUS));
      const warning = "warning: the model that was replaced had a better validation: ppl 8.00";
      assertEquals(await keep(found(1, 9)), [warning]);
      const [, parameter] = model.parameters()[0]!;
      gpu.write(parameter, new Float32Array(parameter.size));
      assertEquals(await keep(found(1, 9)), [], "as good");
      const loss = { epoch: 1, validation: { kind: "loss", measure: 20 } } as const;
      assertEquals(await keep(loss), [], "another measure");
      await keep(found(1, 8));
      const known = { epoch: 1, validation: { kind: "known ppl", measure: 9 } } as const;
      assertEquals(await keep(known), [], "over other words");
      assertEquals(await keep({ ...known, validation: { ...known.validation, measure: 10 } }), [
        "warning: the model that was replaced had a better validation: ppl 9.00 without unknown words",
      ]);
    })
  ));
