// --resume refuses what it cannot go on from: other texts, other options, damaged checkpoints.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { Given } from "../../../example/options/option.ts";
import { Failure, UsageError } from "../../../example/shared/errors.ts";
import { inFolder } from "../../support/folder.ts";
import { CHECKPOINT, crashAt, finish, NCE } from "../../support/resumed.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";

leaseToProgram();

Deno.test("run() --resume refuses another text and another vocabulary, wherever they come from", () =>
  inFolder(async () => {
    const text = (train: string, valid = "a b\n") => {
      Deno.mkdirSync("data", { recursive: true });
      Deno.writeTextFileSync("data/train.txt", train.repeat(50));
      Deno.writeTextFileSync("data/valid.txt", valid);
      Deno.writeTextFileSync("data/test.txt", "a b c\n");
    };
    const given = { ...NCE, "data": "data", "epochs": "1" };
    text("a b c d\nb a\n");
    await finish(given);
    const refused = (what: string) =>
      assertRejects(
        () => finish({ ...given, "resume": true }),
        Failure,
        `Cannot resume ${CHECKPOINT}: ${what} changed since it was written: restore it, or leave ` +
          "out --resume to start anew",
      );
    text("a b c d\nb a e\n");
    await refused("the vocabulary");
    text("a b d c\nb a\n");
    await refused("the text");
    text("a b c d\nb a\n", "b a\n");
    await refused("the text");
    text("a b c d\nb a\n");
    Deno.renameSync("data", "moved");
    await finish({ ...given, "resume": true, "data": "moved" });
  }));

Deno.test("run() --resume refuses an option that would change what is learned, with both values", () =>
  inFolder(async () => {
    await crashAt("epoch 1/3: ", NCE);
    const refused: readonly [Given, string][] = [
      [{ "lr": "2" }, "with --lr 2, as it was begun with --lr 0.5"],
      [{ "concat": true }, "with --concat, as it was begun without --concat"],
      [{ "tied": true }, "with --tied, as it was begun without --tied"],
      [{ "nce": false, "loss": "mix" }, "with --loss mix, as it was begun with --loss nce"],
    ];
    for (const [given, what] of refused) {
      // Before the text is read, even.
      const error = await assertRejects(
        () => finish({ ...NCE, "resume": true, "data": "nowhere", ...given }),
        UsageError,
      );
      assertEquals(
        error.message,
        `Cannot resume ${CHECKPOINT} ${what}: give what it was begun with (--config ` +
          "saved_model/model.config.json), or leave out --resume to start anew",
      );
    }
    await finish({ ...NCE, "resume": true, "log-interval": "4", "audit": "5", "epochs": "2" });
  }));

Deno.test("run() --resume refuses a damaged checkpoint with one line", () =>
  inFolder(async () => {
    await crashAt("epoch 2/3 | batch 3/", NCE);
    const good = Deno.readFileSync(CHECKPOINT);
    const refuse = async (bytes: Uint8Array, reason: RegExp) => {
      Deno.writeFileSync(CHECKPOINT, bytes);
      const error = await assertRejects(() => finish({ ...NCE, "resume": true }), Failure);
      assertMatch(error.message, reason);
    };
    const text = (from: string, to: string) => {
      const bytes = good.slice(), at = new TextDecoder("latin1").decode(good).indexOf(from);
      assert(at > 0 && from.length === to.length);
      bytes.set(new TextEncoder().encode(to), at);
      return bytes;
    };
    const start = new RegExp(`^Cannot load ${CHECKPOINT}: `).source;
    await refuse(good.subarray(0, good.length - 1), RegExp(`${start}.*truncated or damaged`));
    await refuse(Deno.readFileSync("saved_model/model.safetensors"), RegExp(`${start}.*no check`));
    await refuse(text('\\"epoch\\":2', '\\"epoch\\":x'), RegExp(`${start}its state is not JSON`));
    await refuse(
      text('\\"step\\"', '\\"stop\\"'),
      RegExp(`${start}its state.position.step is not a number`),
    );
    await refuse(text('"proj.bias.moment"', '"proj.bias.nothin"'), RegExp(`${start}proj.bias.mom`));
    await refuse(
      text('\\"kind\\":\\"SGD', '\\"kind\\":\\"SGX'),
      RegExp(
        `${start}Cannot load SGD: the state is that of "SGX"; restore it, or leave out --resume`,
      ),
    );
    Deno.writeFileSync(CHECKPOINT, good);
    await finish({ ...NCE, "resume": true });
  }));
