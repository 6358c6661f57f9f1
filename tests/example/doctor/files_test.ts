// What the doctor says of the files of a text.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { fileFindings } from "../../../example/doctor/files.ts";
import { FILES, OTHER, TEXT, TRAIN } from "../../support/good_text.ts";
import { inFolder } from "../../support/folder.ts";

/** Texts that a run takes, though they are hardly meant: the files, the finding, and parts of what it says. */
const ODD_FILES: readonly [
  what: string,
  files: Readonly<Record<string, string>>,
  name: string,
  says: readonly string[],
][] = [
  ["two kinds of line ends", { "train.txt": TRAIN + "a\r\nb\r\n" }, "line ends", [
    "LF and CRLF",
    "sed -i 's/\\r$//' ./train.txt",
  ]],
  ["blank lines", { "valid.txt": `${OTHER}\n \n` }, "blank lines", [
    "2 of 162 lines (1.2 %)",
    "./valid.txt",
  ]],
  ["sentences joined by marks", { "train.txt": `${TRAIN}a <s> b\n` }, "marks", [
    "between words in 1 line",
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

Deno.test("fileFindings() finds nothing odd in a text of CR alone, with a mark of bytes", () =>
  inFolder(
    async () => {
      const findings = await fileFindings(".");
      assertEquals(findings.filter(({ grade }) => grade !== "fine"), []);
      assertEquals(findings.find(({ name }) => name === "line ends")?.text, "CR");
      assertStringIncludes(findings[0]!.text, "80 lines, valid.txt 803 B, 40 lines");
    },
    Object.fromEntries(
      Object.entries(FILES).map(([name, text]) => [name, "\ufeff" + text.replaceAll("\n", "\r")]),
    ),
  ));
