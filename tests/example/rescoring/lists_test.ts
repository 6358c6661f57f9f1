// N-best lists: each format read as it is meant, written as it came, and refused where it is wrong.

import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { gzipSync } from "node:zlib";
import type { NBestFormat } from "../../../example/options/choices.ts";
import type { NBestList } from "../../../example/rescoring/nbest.ts";
import {
  checkListOutput,
  readLists,
  readReferences,
  writeLists,
} from "../../../example/rescoring/read_lists.ts";
import { Failure, UsageError } from "../../../example/shared/errors.ts";
import { inFolder, namesIn } from "../../support/folder.ts";

/** Compares lists whose scores may differ by rounding. */
function assertLists(actual: readonly NBestList[], expected: readonly NBestList[]): void {
  const bare = (lists: readonly NBestList[]) =>
    lists.map((list) => ({ ...list, hypotheses: list.hypotheses.map(({ words }) => words) }));
  assertEquals(bare(actual), bare(expected));
  const scores = (lists: readonly NBestList[]) =>
    lists.flatMap(({ hypotheses }) =>
      hypotheses.map(({ words: _words, ...scores }) => Object.entries(scores))
    );
  for (const [i, own] of scores(expected).entries()) {
    const found = Object.fromEntries(scores(actual)[i]!);
    assertEquals(Object.keys(found).sort(), own.map(([name]) => name).sort());
    for (const [name, score] of own) assertAlmostEquals(found[name]!, score, 1e-9);
  }
}

const PLAIN: readonly NBestList[] = [
  {
    id: "a-b",
    hypotheses: [
      { words: ["x", "y"], acoustic: -10.5, lm: -3 },
      { words: [], acoustic: -11, lm: -2.25 },
    ],
  },
  { id: "c", hypotheses: [{ words: ["z"], acoustic: 4, lm: -1e-3 }] },
];
const GRAPH = PLAIN.map((list) => {
  return { ...list, hypotheses: list.hypotheses.map((one) => ({ ...one, graph: -0.5 })) };
});
const FULL = PLAIN.map((list) => ({
  ...list,
  reference: ["x", "é"],
  hypotheses: list.hypotheses.map((one) => ({ ...one, truth: -7 })),
}));

Deno.test("lists are written in each format and read again, the format seen from the file", () =>
  inFolder(async () => {
    const cases: readonly [NBestFormat, boolean, readonly NBestList[]][] = [
      ["json", false, PLAIN],
      ["json", false, FULL],
      ["json", false, GRAPH],
      ["srilm", true, PLAIN],
      ["srilm", false, PLAIN.slice(0, 1)],
      ["kaldi", true, PLAIN],
      ["kaldi", true, GRAPH],
    ];
    for (const [i, [format, isFolder, lists]] of cases.entries()) {
      const path = isFolder ? `folder${i}` : i === 4 ? "a-b.nbest" : `file${i}`;
      const ids = lists.map(({ id }) => id);
      const first = checkListOutput(path, { format, isFolder }, ids);
      writeLists(path, { format, isFolder, lists });
      assert(Deno.statSync(first).isFile);
      assertEquals(checkListOutput(path, { format, isFolder }, ids), first); // it may write again
      const read = await readLists(path);
      assertEquals([read.format, read.isFolder], [format, isFolder]);
      assertLists(read.lists, lists);
      assertEquals(await readLists(path, format), read);
    }
    assertEquals(namesIn("folder5"), ["acwt", "lmwt.lmonly", "words_text"]);
    const lines = Deno.readTextFileSync("a-b.nbest").trimEnd().split("\n");
    assertEquals(lines.map((line) => line.split(" ")[2]), ["2", "0"]); // as many words follow
  }));

Deno.test("scores are read in the logarithms and the signs of each format", () =>
  inFolder(async () => {
    Deno.mkdirSync("srilm");
    Deno.writeFileSync(
      "srilm/u1.gz",
      gzipSync(new TextEncoder().encode("-2 -1.5e0 4 <s> a  b </s>\n-3 -1 0\n")),
    );
    const ten = Math.LN10;
    assertLists((await readLists("srilm")).lists, [{
      id: "u1",
      hypotheses: [
        { words: ["a", "b"], acoustic: -2 * ten, lm: -1.5 * ten },
        { words: [], acoustic: -3 * ten, lm: -1 * ten },
      ],
    }]);
    Deno.mkdirSync("kaldi");
    Deno.writeTextFileSync("kaldi/words_text", "u-1-1 <s> a b </s>\nu-1-2 a\nv-1\n");
    Deno.writeTextFileSync("kaldi/acwt", "u-1-1 20\nu-1-2 21\nv-1 -3\n");
    Deno.writeTextFileSync("kaldi/lmwt.lmonly", "v-1 1\nu-1-1 2\nu-1-2 3\n");
    Deno.writeTextFileSync("kaldi/lmwt.nolm", "u-1-1 0.5\nu-1-2 0.25\nv-1 0\n");
    assertLists((await readLists("kaldi")).lists, [
      {
        id: "u-1",
        hypotheses: [
          { words: ["a", "b"], acoustic: -20, lm: -2, graph: -0.5 },
          { words: ["a"], acoustic: -21, lm: -3, graph: -0.25 },
        ],
      },
      { id: "v", hypotheses: [{ words: [], acoustic: 3, lm: -1, graph: 0 }] },
    ]);
  }));

Deno.test("JSON's texts have no marks at their ends, and a folder's files come in order", () =>
  inFolder(async () => {
    const texts = '"reference":"<s> a </s>","hypotheses":[{"text":"<s> b c </s>","acoustic":1}]';
    Deno.writeTextFileSync("lists", `{"id":"u",${texts}}\n`);
    const hypotheses = [{ words: ["b", "c"], acoustic: 1 }];
    assertEquals((await readLists("lists")).lists, [{ id: "u", reference: ["a"], hypotheses }]);
    Deno.mkdirSync("srilm/older", { recursive: true });
    const names = Array.from({ length: 30 }, (_, i) => `u${i * 7 % 30 + 10}`);
    for (const name of names) Deno.writeTextFileSync(`srilm/${name}.txt`, "-1 -2 1 a\n");
    assertEquals((await readLists("srilm")).lists.map(({ id }) => id), names.sort());
  }));

Deno.test("references are read with the name first, or last as for sclite", () =>
  inFolder(async () => {
    const ids = new Set(["u1", "u3"]);
    Deno.writeTextFileSync(
      "ref",
      "u1 a b (laughs)\nu2\n\n<s> d </s> (u3)\n(u4)\nu1 said(u5)\r\n",
    );
    assertEquals(
      await readReferences("ref", new Set([...ids, "u5"])),
      new Map<string, readonly string[]>([
        ["u1", ["a", "b", "(laughs)"]],
        ["u2", []],
        ["u3", ["d"]],
        ["u4", []],
        ["u5", ["u1", "said"]],
      ]),
    );
    for (const twice of ["u1 a\n\nu1 b\n", "a (u3)\nu3 a\nb (u3)\n", "x a\nx a\n"]) {
      Deno.writeTextFileSync("ref", twice);
      await assertRejects(() => readReferences("ref", ids), Failure, "for the second time");
    }
  }));

Deno.test("the examples in docs/rescoring.md are read, each in its format", () =>
  inFolder(async () => {
    const text = Deno.readTextFileSync(new URL("../../../docs/rescoring.md", import.meta.url));
    const example = (format: string) => {
      const [, block = ""] = new RegExp(`\\*\\*${format}[^]*?\\n\\n((?: {4}.*\\n)+)`).exec(text) ??
        [];
      return block.replaceAll(/^ {4}/gm, "");
    };
    const hypotheses = [["the", "cat", "sat"], ["a", "cat", "sat"]];
    Deno.writeTextFileSync("lists", example("JSON").replaceAll("\n", " "));
    Deno.writeTextFileSync("utt1", example("SRILM"));
    for (const [path, format] of [["lists", "json"], ["utt1", "srilm"]] as const) {
      const read = await readLists(path), [list] = read.lists;
      assertEquals([read.format, list!.id], [format, "utt1"]);
      assertEquals(list!.hypotheses.map(({ words }) => words), hypotheses);
    }
  }));

Deno.test("lists that are wrong are refused by the line, and formats are not mixed", () =>
  inFolder(async () => {
    const hyp = '{"text":"a","acoustic":-1}', good = `{"id":"u","hypotheses":[${hyp}]}\n`;
    const refuse = async (text: string, message: string) => {
      Deno.writeTextFileSync("lists", text);
      await assertRejects(() => readLists("lists"), Failure, `Cannot read lists: ${message}`);
    };
    await refuse("", "it is empty, and a list has at least one hypothesis");
    await refuse(`${good}-1 -2 1 a\n`, "line 2 is not JSON; write an object a line");
    await refuse(`-1 -2 1 a\n${good}`, "line 2 does not begin with two scores, finite numbers");
    await refuse("NBestList1.0\n(-1) a\n", "line 1 begins a list of Decipher's; convert it by ");
    for (const line of ["some words", "-1 -inf 1 a", "-1 -1e999 1 a", "-1 -2 a"]) {
      await refuse(
        `-1 -2 1 a\n${line}\n`,
        "line 2 does not begin with two scores, finite numbers, and",
      );
    }
    await refuse(`${good}${good}`, "the utterance u is there twice");
    await refuse('{"hypotheses":[]}', 'line 1 has no text "id"');
    await refuse('{"id":"","hypotheses":[]}', 'line 1 has no text "id"');
    await refuse('{"id":"u","hypotheses":[]}', 'line 1 has no list "hypotheses", or an empty one');
    await refuse(
      '{"id":"u","reference":1,"hypotheses":[1]}',
      'line 1 has a "reference" that is no',
    );
    await refuse('{"id":"u","hypotheses":[1]}', "line 1 has a hypothesis 1 that is no JSON object");
    const second = (other: string) => `{"id":"u","hypotheses":[${hyp},${other}]}`;
    await refuse(second('{"acoustic":1}'), 'line 1 has a hypothesis 2 without a text "text"');
    await refuse(second('{"text":"b"}'), 'line 1 has a hypothesis 2 without "acoustic"');
    await refuse(
      second('{"text":"b","acoustic":"1"}'),
      'line 1 has a hypothesis 2 whose "acoustic" is no finite number',
    );
    await refuse(
      second('{"text":"b","acoustic":1,"lm":-1e999}'),
      'line 1 has a hypothesis 2 whose "lm"',
    );
    Deno.writeFileSync("lists", new Uint8Array([0x7b, 0xe9, 10]));
    await assertRejects(() => readLists("lists"), Failure, "line 1 is not UTF-8");
    await assertRejects(() => readLists("lists", "kaldi"), Error, "--format kaldi are in a folder");
    await assertRejects(() => readLists("none"), Error, "there is no such file");
  }));

Deno.test("folders that are wrong are refused by the file and the key", () =>
  inFolder(async () => {
    Deno.mkdirSync("empty");
    await assertRejects(() => readLists("empty"), Failure, "Cannot read empty: it is empty");
    Deno.mkdirSync("srilm");
    Deno.writeTextFileSync("srilm/u1", "-1 -2 1 a\n");
    Deno.writeTextFileSync("srilm/u2", "");
    await assertRejects(() => readLists("srilm"), Failure, "Cannot read srilm/u2: it is empty");
    await assertRejects(() => readLists("srilm", "json"), Error, "--format json are in a file");
    Deno.mkdirSync("kaldi");
    const refuse = async (files: Record<string, string>, message: string) => {
      const all = { words_text: "u-1 a\nu-2 b\n", acwt: "u-1 1\nu-2 2\n", ...files };
      for (const [name, text] of Object.entries(all)) Deno.writeTextFileSync(`kaldi/${name}`, text);
      await assertRejects(() => readLists("kaldi"), Error, message);
    };
    await refuse({}, "Cannot read kaldi/lmwt.lmonly: there is no such file");
    await assertRejects(
      () => readLists("kaldi/acwt"),
      UsageError,
      "lie together; give their folder",
    );
    await refuse({ "lmwt.lmonly": "u-1 1\n" }, "Cannot read kaldi/lmwt.lmonly: it has no u-2");
    const good = { "lmwt.lmonly": "u-1 1\nu-2 1\n" };
    await refuse({ ...good, acwt: "u-1 1\nu-2 x\n" }, "kaldi/acwt: the cost of u-2 is no number");
    await refuse({ ...good, acwt: "u-1 1\nu-2 2 3\n" }, "kaldi/acwt: the cost of u-2 is no number");
    await refuse({ ...good, acwt: "u-1 1\nu-1 2\n" }, "line 2 has the key u-1 for the second time");
    await refuse({ ...good, words_text: "u a\n" }, "the key u does not end in - and a number");
  }));
