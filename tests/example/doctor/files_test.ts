// What the doctor says of the files of a text.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fileFindings } from "../../../example/doctor/files.ts";
import { scanFile } from "../../../example/doctor/scan.ts";
import { FILES, OTHER, TEXT, TRAIN } from "../../support/good_text.ts";
import { inFolder } from "../../support/folder.ts";

/** Texts that a run takes, though they are hardly meant: the files, the finding, and parts of what it says. */
const ODD_FILES: readonly [
  what: string,
  files: Readonly<Record<string, string>>,
  name: string,
  says: readonly string[],
][] = [
  ["two kinds of line ends", { "train.txt": TRAIN + "a\r\n" }, "line ends", [
    "LF and CRLF",
    "sed -i 's/\\r$//' ./train.txt",
  ]],
  ["blank lines", { "valid.txt": `${OTHER}\n \n` }, "blank lines", [
    "2 of 162 lines (1.2 %)",
    "$/d' ./valid.txt",
  ]],
  ["sentences joined by marks", { "train.txt": `${TRAIN}<s> x\ny </s>\na <s> b\n` }, "marks", [
    "at an end of 2 lines, taken for its marks; between words in 1 line, learned as a word",
    "a sentence a line",
  ]],
  ["another spelling of <unk>", { "train.txt": `${TRAIN}a <UNK> b <UNK>\n` }, "<unk>", [
    "<UNK> 2 times",
    "write <unk>",
  ]],
  ["a text in one line", { "valid.txt": OTHER.replaceAll("\n", " ").repeat(5) }, "sentences", [
    "at most 1,200 (valid.txt, line 1)",
    "a sentence a line",
  ]],
  ["a conversion that lost letters", { "train.txt": `${TRAIN}caf\ufffd\n` }, "encoding", [
    "the replacement character in 1 line",
  ]],
  ["accents apart from letters", { "train.txt": `${TRAIN}cafe\u0301\n` }, "encoding", [
    "accents apart from their letters in 1 line",
  ]],
  ["a test that is in training", { "test.txt": TEXT }, "test in train", [
    "40 of the 40 sentences",
    "(100 %)",
    "grep -vxFf train.txt test.txt",
  ]],
];

for (const [what, files, name, says] of ODD_FILES) {
  Deno.test(`fileFindings() warns of a text: ${what}`, () =>
    inFolder(async () => {
      const warnings = (await fileFindings(".")).filter(({ grade }) => grade !== "fine");
      assertEquals(warnings.map((finding) => finding.name), [name]);
      const said = `${warnings[0]!.text}; ${warnings[0]!.cure}`;
      for (const part of says) assertStringIncludes(said, part);
    }, { ...FILES, ...files }));
}

Deno.test("fileFindings() counts each line as often as it is there, and sentences of 5 words or more", () =>
  inFolder(async () => {
    const found = Object.fromEntries(
      (await fileFindings(".")).map(({ name, grade, text }) => [name, `${grade}: ${text}`]),
    );
    assertEquals(found, {
      "files": "fine: train.txt 30 B, 4 lines, valid.txt 25 B, 3 lines, test.txt 38 B, 4 lines",
      "encoding": "fine: UTF-8",
      "line ends": "warn: CRLF; LF",
      "blank lines": "warn: 1 of 11 lines (9.1 %) are learned as sentences without a word",
      "sentences": "fine: 3.8 words on average, at most 6 (valid.txt, line 2)",
      "marks": "fine: no <s> or </s> in the text",
      "<unk>": "fine: train.txt 0, valid.txt 0, test.txt 1 times in the text",
      "valid in train":
        "fine: 0 of the 2 sentences of 5 words or more in valid.txt (0 %) are in train.txt, too",
      "test in train":
        "warn: 2 of the 3 sentences of 5 words or more in test.txt (67 %) are in train.txt, too",
    });
  }, {
    "train.txt": "a b c d e\r\na b c d e\r\nf g\r\nf\r\n",
    "valid.txt": "\nu v w x y z\nz y x w v u\n",
    "test.txt": "a b c d e\na b c d e\nf g\na b c <unk> e\n",
  }));

Deno.test("fileFindings() describes the files that there are, and compares nothing with one that is not", () =>
  inFolder(async () => {
    const found = await fileFindings(".");
    assertEquals(found[0]?.grade, "stop");
    assertEquals(found.find(({ name }) => name === "files")?.text, "test.txt 800 B, 40 lines");
    assertEquals(found.filter(({ name }) => name.endsWith("in train")), []);
  }, { "valid.txt": "\n", "test.txt": OTHER }));

Deno.test("fileFindings() finds nothing odd in a text of CR alone, with a mark of bytes", () =>
  inFolder(
    async () => {
      const findings = await fileFindings(".");
      assertEquals(findings.filter(({ grade }) => grade !== "fine"), []);
      const textOf = (what: string) => findings.find(({ name }) => name === what)?.text;
      assertEquals([textOf("line ends"), textOf("blank lines")], ["CR", "0 of 160 lines (0 %)"]);
      assertStringIncludes(findings[0]!.text, "80 lines, valid.txt 803 B, 40 lines");
    },
    Object.fromEntries(
      Object.entries(FILES).map(([name, text]) => [name, "\ufeff" + text.replaceAll("\n", "\r")]),
    ),
  ));

Deno.test("fileFindings() takes a test for repeated from over a twentieth on", () =>
  inFolder(async () => {
    for (const [repeated, grade] of [[2, "fine"], [3, "warn"]] as const) {
      const [own, others] = [TEXT.split("\n"), OTHER.split("\n")];
      const lines = [...own.slice(0, repeated), ...others.slice(repeated, 40)];
      Deno.writeTextFileSync("test.txt", lines.join("\n"));
      const found = (await fileFindings(".")).find(({ name }) => name === "test in train");
      assertEquals([found?.grade, found?.figures], [grade, { repeated, all: 40 }]);
    }
  }, FILES));

Deno.test("scanFile() looks at the beginning of a large file alone", () =>
  inFolder(async () => {
    const line = new TextEncoder().encode(`${" ".repeat(2 ** 20)}a\n`);
    using file = Deno.openSync("large.txt", { create: true, write: true });
    for (let i = 0; i < 80; i++) file.writeSync(line);
    const { isPart, bytes, lines, words } = await scanFile("large.txt", () => {});
    assertEquals([isPart, bytes, words], [true, 80 * line.length, lines]);
    assert(lines >= 63 && lines < 70, `${lines}`); // 64 MiB
  }));
