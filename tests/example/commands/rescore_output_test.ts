// `rescore` and `make-nbest`: what their output may replace.

import { assertEquals } from "@std/assert";
import { main } from "../../../example/cli/main.ts";
import { captureIo } from "../../support/capture_io.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";
import { withTiny } from "../../support/rescoring.ts";

leaseToProgram();

Deno.test("rescore and make-nbest replace lists of the same format, and nothing else that is there", () =>
  withTiny(async () => {
    const call = async (words: string) => {
      const io = captureIo(), code = await main(words.split(" "), io);
      return [code, ...io.errLines.filter((line) => !/^(warning: |wrote )/.test(line))];
    };
    const make = "make-nbest --data synthetic:words=2000,vocab=100 --lists 2 --size 2";
    const refused = (path: string, what: string) => [
      2,
      `error: Cannot replace ${path}, which is no ${what}: give another --out`,
    ];
    for (const [format, file] of [["json", ""], ["srilm", "/utt2"], ["kaldi", "/acwt"]] as const) {
      const path = format + file, what = `n-best list of --format ${format}`;
      const calls = [
        `${make} --format ${format} --out ${format}`,
        `rescore tiny in-${format} --lm-weight 1 --word-penalty 0 --out ${format}`,
      ];
      assertEquals(await call(calls[0]!.replace(/\w+$/, "in-$&")), [0]);
      for (const command of [...calls, ...calls]) assertEquals(await call(command), [0]);
      const kept = file === "" ? "my notes" : "utt1 what was said";
      Deno.writeTextFileSync(path, kept);
      for (const command of calls) assertEquals(await call(command), refused(path, what));
      assertEquals(Deno.readTextFileSync(path), kept);
      const onInput = calls[1]!.replace(/\w+$/, "./in-$&");
      assertEquals(await call(onInput), [
        2,
        `error: Cannot write ./in-${format}, which is read: give another --out`,
      ]);
    }
    Deno.writeTextFileSync("new.ref", "my notes");
    assertEquals(
      await call(`${make} --format srilm --out new`),
      refused("new.ref", "file of references"),
    );
    assertEquals(await call(`${make} --out new.jsonl.gz`), [
      2,
      "error: Cannot write new.jsonl.gz: lists are written unpacked; leave out .gz",
    ]);
    Deno.copyFileSync("in-srilm/utt2", "srilm/utt2");
    Deno.copyFileSync("in-srilm/utt1", "srilm/utt9");
    for (const command of [`${make} --format srilm`, "rescore tiny in-srilm --lm-weight 1"]) {
      assertEquals(await call(`${command} --out srilm`), [
        2,
        "error: Cannot write to srilm, which has utt9, too: give another --out",
      ]);
    }
    Deno.writeTextFileSync("mine", "u0 w1\n");
    for (const [given, out] of [["--ref mine", "mine"], ["--dev json", "json"]]) {
      assertEquals(await call(`rescore tiny in-json ${given} --lm-weight 1 --out ${out}`), [
        2,
        `error: Cannot write ${out}, which is read: give another --out`,
      ]);
    }
  }));
