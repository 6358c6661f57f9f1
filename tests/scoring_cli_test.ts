// `nce score`, `rescore` and `make-nbest` as processes: what is wrong in one line, pipes, inputs that wait.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { main } from "../example/cli/main.ts";
import { gzipSync } from "node:zlib";
import { captureIo } from "./support/capture_io.ts";
import { inFolder } from "./support/folder.ts";
import { withGpu } from "./support/gpu.ts";
import { assemble, fileOf, goodParts, smallSettings } from "./support/model_files.ts";
import { saveSmallModel } from "./support/saved_models.ts";

const MAIN = new URL("../main.ts", import.meta.url);

/** Runs `body` in a folder with the model `tiny`. */
function withTiny(body: () => void | Promise<void>): Promise<void> {
  return inFolder(async () => {
    await withGpu(async (gpu) => void await saveSmallModel(gpu, "tiny"));
    await body();
  });
}

/** The program as a process, with pipes. */
function nce(...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-read", "--allow-env", MAIN.href, ...args],
    ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
  }).spawn();
}

Deno.test("nce score says what is wrong in one line, with the right exit code", () =>
  withTiny(async () => {
    const good = fileOf(smallSettings()), parts = goodParts();
    Deno.writeFileSync("cut.safetensors", good.subarray(0, good.length - 1));
    Deno.writeFileSync("other.safetensors", assemble({ ...parts, metadata: { kind: "another" } }));
    Deno.writeTextFileSync("text.safetensors", "no model, but some text\n");
    Deno.writeTextFileSync("good.txt", "w1 w2\n");
    Deno.writeTextFileSync("empty.txt", "");
    Deno.writeFileSync("empty.gz", gzipSync(new Uint8Array()));
    Deno.writeFileSync("cut.gz", gzipSync(new TextEncoder().encode("w1 w2\n")).subarray(0, -1));
    Deno.writeFileSync("latin.txt", new Uint8Array([0x77, 0x31, 10, 0xe9, 10, 0x77, 0x32, 10]));
    const cases: readonly (readonly [string, number, RegExp])[] = [
      ["score", 2, /^error: nce score <model> \[file\] needs <model>; see --help$/],
      ["score tine good.txt", 2, /^error: There is no model saved_model\/tine\.safetensors: did /],
      ["score cut.safetensors good.txt", 1, /^error: Cannot load cut\.safetensors: .*truncated/],
      [
        "score other.safetensors good.txt",
        1,
        /: it is not a word language model of this program; import takes one of PyTorch$/,
      ],
      ["score text.safetensors good.txt", 1, /: it is truncated or no safetensors file: /],
      ["score tiny none.txt", 2, /^error: Cannot read none\.txt: there is no such file$/],
      ["score tiny .", 2, /^error: Cannot read \.: it is a folder, not a file$/],
      [
        "score tiny empty.txt",
        1,
        /^error: Cannot score empty\.txt: it is empty; give a sentence a /,
      ],
      ["score tiny empty.gz", 1, /^error: Cannot score empty\.gz: it is empty; give a sentence a /],
      ["score tiny cut.gz", 1, /^error: Cannot unpack cut\.gz: unexpected end of file$/],
      ["score tiny latin.txt", 1, /^error: Cannot read latin\.txt: line 2 is not UTF-8; convert /],
      ["score tiny good.txt --base 3", 2, /^error: --base must be one of e, 2, 10, got "3"/],
      ["score tiny good.txt more", 2, /^error: Unexpected argument "more": /],
    ];
    for (const [words, code, message] of cases) {
      const io = captureIo();
      assertEquals(await main(words.split(" "), io), code, words);
      const errors = io.errLines.filter((line) => !line.startsWith("warning: "));
      assertEquals(errors.length, 1, errors.join("\n"));
      assertMatch(errors[0]!, message);
      // What came before a line or an end that cannot be read is scored.
      assertEquals(io.outLines.length, /latin|cut\.gz/.test(words) ? 1 : 0);
    }
  }));

Deno.test("nce score gives each line's result before it asks for the next one", () =>
  withTiny(async () => {
    await using program = nce("score", "tiny", "-");
    const writer = program.stdin.getWriter(), reader = program.stdout.getReader();
    const texts = ["w1 w2", "", "w3"];
    for (const text of texts) {
      await writer.write(new TextEncoder().encode(`${text}\n`));
      const { value } = await reader.read();
      assertMatch(new TextDecoder().decode(value), RegExp(`^-\\d+\\.\\d{6}\t\\d\t0\t${text}\n$`));
    }
    await writer.close();
    assertEquals((await reader.read()).done, true);
    const { code } = await program.status;
    assertEquals(code, 0);
    assertMatch(await new Response(program.stderr).text(), /^text +3 sentences, 6 tokens with /m);
  }));

Deno.test("nce score ends quietly when nobody reads its results any longer", () =>
  withTiny(async () => {
    Deno.writeTextFileSync("long", "w1 w2 w3\n".repeat(20_000));
    await using program = nce("score", "tiny", "long");
    await program.stdin.close();
    const reader = program.stdout.getReader();
    assert((await reader.read()).value!.length > 0);
    await reader.cancel(); // as `head -1` does; more is waiting than a pipe holds
    assertEquals((await program.status).code, 1);
    const errors = await new Response(program.stderr).text();
    assertEquals(errors.split("\n").filter((line) => !/^(warning: .*)?$/.test(line)), []);
  }));

Deno.test("nce make-nbest and rescore end quietly on a closed pipe, and write where they may", () =>
  withTiny(async () => {
    const language = ["--data", "synthetic:words=1000,vocab=100", "--size", "9"];
    await using maker = nce("make-nbest", ...language, "--lists", "2000");
    await maker.stdin.close();
    const reader = maker.stdout.getReader();
    const { value } = await reader.read();
    assert(new TextDecoder().decode(value).startsWith('{"id":"utt0001","reference":"'));
    await reader.cancel(); // more is coming than a pipe holds
    assertEquals((await maker.status).code, 1);
    assertEquals(await new Response(maker.stderr).text(), "");
    await using denied = nce("make-nbest", ...language, "--out", "lists");
    await denied.stdin.close();
    assertEquals((await denied.status).code, 2);
    await denied.stdout.cancel();
    const message = await new Response(denied.stderr).text();
    assertMatch(
      message,
      /^error: May not write \.: start it by deno run .*-write=saved_model,runs,\. /,
    );
  }));
