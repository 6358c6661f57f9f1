// generate: what it prints, prompts by argument and by standard input, and every refusal in one line.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { generate } from "../../../example/commands/generate.ts";
import { exportModel } from "../../../example/commands/export.ts";
import { loadModel } from "../../../example/storage/saved_model.ts";
import type { Given } from "../../../example/options/option.ts";
import { Failure, UsageError } from "../../../example/shared/errors.ts";
import { captureIo } from "../../support/capture_io.ts";
import { inFolder } from "../../support/folder.ts";
import { withGpu } from "../../support/gpu.ts";
import { fileOf, smallSettings } from "../../support/model_files.ts";
import { runTiny } from "../../support/tiny_run.ts";
import { wordsOf } from "../../support/texts.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";

leaseToProgram();

const MAIN = new URL("../../../main.ts", import.meta.url).pathname;

/** What the command prints, and its warnings. */
async function texts(
  words: string[],
  given: Given = {},
): Promise<{ lines: string[]; err: string[] }> {
  const io = captureIo();
  let out = "";
  await generate(words, given, { ...io, write: (text) => void (out += text) });
  assert(out.endsWith("\n"));
  return { lines: out.slice(0, -1).split("\n"), err: io.errLines };
}

/** Runs the program by a line of bash, in which `nce` is its name. */
async function bash(line: string): Promise<{ code: number; out: string; err: string }> {
  const nce = `"${Deno.execPath()}" run --no-prompt --allow-read --allow-write=saved_model ` +
    `--allow-env=XDG_RUNTIME_DIR,LP_NUM_THREADS "${MAIN}" "$@"`;
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", `nce() { ${nce}; }\nset -o pipefail\n${line}`],
    env: { NO_COLOR: "1" },
  }).output();
  const [out = "", err = ""] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out, err };
}

/** The words of the model `model`. */
async function vocabularyOf(): Promise<readonly string[]> {
  let words: readonly string[] = [];
  await withGpu((gpu) => {
    const { model, vocabulary } = loadModel(gpu, "saved_model/model.safetensors");
    words = wordsOf(vocabulary);
    model.dispose();
  });
  return words;
}

for (const [kind, given] of [["LSTM", {}], ["GRU", { "index-module": "gru" }]] as const) {
  Deno.test(`a trained ${kind} goes on with a prompt until the sentence or the length ends`, () =>
    inFolder(async () => {
      await runTiny({ train: true, ...given });
      const words = await vocabularyOf(), known = words.slice(3, 5), prompt = known.join(" ");
      const { lines, err } = await texts(["model", prompt], { count: "70", length: "4" });
      assertEquals([lines.length, err.length], [70, 0]);
      assert(lines.slice(64).some((line, i) => line !== lines[i]), "64 are made at a time");
      const others = lines.map((line) => line.split(" ").slice(2));
      assert(lines.every((line) => line.startsWith(prompt)) && new Set(lines).size > 10);
      assert(
        others.every((some) => some.length <= 4 && some.every((word) => words.includes(word))),
      );
      assert(others.some((some) => some.length === 4) && others.some((some) => some.length < 4));
      assert(!others.flat().includes("<unk>") && !others.flat().includes("<s>"));

      const json = await texts(["model", prompt], { count: "70", length: "4", json: true });
      const objects = json.lines.map((line) => JSON.parse(line));
      assertEquals(objects.map(({ text }) => text), lines, "the same seed, the same texts");
      for (const { prompt: begin, text, ended } of objects) {
        assertEquals(begin, prompt);
        assert(ended || text.split(" ").length === 6);
      }
      assertEquals(
        (await texts(["model", prompt], { count: "3", length: "4" })).lines,
        lines.slice(0, 3),
      );
      const other = await texts(["model", prompt], { count: "70", length: "4", seed: "5" });
      assert(other.lines.join() !== lines.join());
      const best = await texts(["model"], { count: "2", temperature: "0" });
      assertEquals(best.lines[0], best.lines[1]);
    }));
}

Deno.test("prompts come from standard input, a line each; unknown words of them are told", () =>
  inFolder(async () => {
    await runTiny({ train: true });
    const [a = "", b = ""] = (await vocabularyOf()).slice(3);
    const two = await bash(
      `printf '${a} nobody\\n<s> ${b} <s>\\n' | nce generate model --count 2 --length 3`,
    );
    const lines = two.out.trimEnd().split("\n");
    assertEquals(two.code, 0);
    assertEquals(two.err, 'warning: the model does not know "nobody" and reads <unk>\n');
    assertEquals(lines.map((line) => line.startsWith(`${a} nobody`)), [true, true, false, false]);
    assertEquals(lines.map((line) => RegExp(`^${b}( |$)`).test(line)), [false, false, true, true]);
    assertEquals(
      (await bash("nce generate model < /dev/null")).out,
      (await bash("printf '\\n' | nce generate model")).out,
    );
    const bad = await bash(`printf '${a}\\n\\xff\\n' | nce generate model --length 1 --json`);
    assertEquals([bad.code, bad.out.split("\n").length], [1, 2], "the first prompt has its text");
    assertMatch(bad.err, /^error: Cannot read standard input: line 2 is not UTF-8[^\n]*\n$/);
  }));

Deno.test("generate ends quietly when nobody reads any longer", () =>
  inFolder(async () => {
    await runTiny({ train: true });
    const { out, err } = await bash("nce generate model --count 100000 < /dev/null | head -n 2");
    assertEquals([out.trimEnd().split("\n").length, err], [2, ""]);
  }));

Deno.test("generate refuses each bad option and each bad model in one line", () =>
  inFolder(async () => {
    Deno.mkdirSync("saved_model");
    const good = fileOf(smallSettings({ "norm-term": "auto" }));
    Deno.writeFileSync("saved_model/good.safetensors", good);
    Deno.writeFileSync(
      "saved_model/neg.safetensors",
      fileOf(smallSettings({ loss: "neg", "norm-term": "auto" })),
    );
    Deno.writeFileSync("cut.safetensors", good.subarray(0, -1));
    Deno.writeTextFileSync("text.safetensors", "this is a text, and no model");
    exportModel("good", { out: "torch.safetensors" }, captureIo());
    const refuse = async (
      kind: typeof UsageError | typeof Failure,
      message: string,
      word: string,
      given: Given = {},
    ) => {
      try {
        await generate([word, "a"], given, captureIo());
      } catch (error) {
        assert(error instanceof kind, String(error));
        assert(error.message.startsWith(message), error.message);
        return assertMatch(error.message, /^[^\n]+$/);
      }
      throw new Error(`nothing was thrown for ${word}`);
    };
    const options: readonly (readonly [Given, string])[] = [
      [{ count: "0" }, "--count must be a whole number from 1"],
      [{ length: "1.5" }, "--length must be a whole number from 1"],
      [{ temperature: "-1" }, '--temperature must be a number from 0 to 1000, got "-1"'],
      [{ temperature: "hot" }, "--temperature must be a number"],
      [{ "top-k": "1001" }, '--top-k must be a whole number from 1 to 1000, got "1001"'],
      [{ "top-p": "1.5" }, '--top-p must be a number from 0 to 1, got "1.5"'],
      [{ seed: "-1" }, "--seed must be a whole number from 0"],
      [
        { temperature: "0", "top-k": "5" },
        "--top-k 5 has no effect with --temperature 0: leave it out",
      ],
      [
        { temperature: "0", "top-p": "0.5" },
        "--top-p 0.5 has no effect with --temperature 0: leave it out",
      ],
    ];
    for (const [given, message] of options) await refuse(UsageError, message, "good", given);
    await refuse(
      UsageError,
      "There is no model saved_model/goo.safetensors: did you mean good?",
      "goo",
    );
    await refuse(
      Failure,
      "Cannot load torch.safetensors: it is not a word language model",
      "torch.safetensors",
    );
    await refuse(
      Failure,
      "Cannot load text.safetensors: it is truncated or no safetensors",
      "text.safetensors",
    );
    await refuse(Failure, "Cannot load cut.safetensors: ", "cut.safetensors");
    await refuse(
      Failure,
      "Cannot generate by saved_model/neg.safetensors: it was trained by --loss neg",
      "neg",
    );
    const words = await bash("nce generate good the cat");
    assertEquals([words.code, words.err], [
      2,
      'error: Unexpected argument "cat": words that belong together need quotes; see --help\n',
    ]);
    assertEquals(await bash("nce generate"), {
      code: 2,
      out: "",
      err: "error: nce generate <model> [prompt] needs <model>; see --help\n",
    });
  }));
