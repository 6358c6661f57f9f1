// The doctor: broken texts and settings, each with its cause; it stops what a run refuses, and nothing else.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { doctor } from "../../../example/commands/doctor.ts";
import { run } from "../../../example/commands/run.ts";
import type { Finding } from "../../../example/doctor/finding.ts";
import type { Given } from "../../../example/options/option.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { Failure } from "../../../example/shared/errors.ts";
import { lockModel } from "../../../example/storage/lock.ts";
import { encodeHeader } from "../../../example/storage/safetensors.ts";
import { captureIo } from "../../support/capture_io.ts";
import { FILES, OTHER, TRAIN } from "../../support/good_text.ts";
import { inFolder, namesIn } from "../../support/folder.ts";
import { leaseToProgram } from "../../support/leased_gpus.ts";

leaseToProgram();

/** A model that is made and tried in no time. */
const TINY: Given = { "emsize": "8", "nhid": "8", "nlayers": "1", "epochs": "1", "data": "." };
const NCE: Given = { ...TINY, "nce": true, "noise-ratio": "3" };
/** Milliseconds of a trial. */
const TRIAL = 20;
/** The findings for a training run, and whether it may start. */
async function examine(given: Given): Promise<{ findings: Finding[]; stops: boolean }> {
  const io = captureIo(), settings = parseSettings({ ...given, train: true });
  let stops = false;
  try {
    await doctor(settings, true, io, TRIAL);
  } catch (error) {
    assert(error instanceof Failure, String(error));
    stops = true;
  }
  const { findings, stop }: { findings: Finding[]; stop: number } = JSON.parse(io.outLines[0]!);
  assertEquals(stop > 0, stops);
  return { findings, stops };
}

/** Texts and settings that a run refuses: the files, the options, the finding, and parts of what it says. */
const STOPS: readonly [
  what: string,
  files: Readonly<Record<string, string>>,
  given: Given,
  name: string,
  says: readonly string[],
][] = [
  ["no folder", FILES, { ...TINY, data: "none" }, "folder", ["--data none", "no such folder"]],
  [
    "a file that is missing, and one that may be meant",
    { "train.txt": TRAIN, "dev.txt": OTHER, "test.txt": OTHER },
    TINY,
    "valid.txt",
    ["valid.txt: there is no such file", "name dev.txt so"],
  ],
  ["a file in the place of its folder", { ...FILES, saved_model: "" }, TINY, "files", [
    "Cannot write saved_model/model.lock: ",
  ]],
  ["a file without words", { ...FILES, "test.txt": "\n\n" }, TINY, "text", [
    "test.txt: it has no words",
    "a sentence a line",
  ]],
  ["UTF-16", { ...FILES, "train.txt": "\0w\0o\0r\0d\n" }, TINY, "train.txt", [
    "train.txt: line 1 looks like UTF-16",
    "convert the file to UTF-8",
  ]],
  [
    "a vocabulary with a repeated word",
    { ...FILES, words: "the\nend\nthe\n" },
    { ...TINY, vocab: "words" },
    "text",
    ['line 3 repeats "the" of line 1', "remove one of them"],
  ],
  ["a --min-freq that leaves no word", FILES, { ...TINY, "min-freq": "1000" }, "text", [
    "--data .: --min-freq 1000 leaves none of its words",
    "give a smaller one",
  ]],
  [
    "a vocabulary of other words",
    { ...FILES, words: "x\ny\n" },
    { ...TINY, vocab: "words" },
    "text",
    [
      "--data .: --vocab words has none of its words",
      "give a list of words that are in it",
    ],
  ],
  ["nothing but <unk>", { ...FILES, "train.txt": "<unk> <unk>\n" }, TINY, "text", [
    "--data .: all its words are <unk>",
    "give a text with words",
  ]],
  [
    "more different samples than words",
    FILES,
    { ...TINY, "loss": "sampled", "unique": true, "noise-ratio": "5000" },
    "samples",
    ["--noise-ratio 5000 different words (--unique)"],
  ],
  [
    "no noise in a batch",
    FILES,
    { ...TINY, "nce": true, "noise": "batch", "batch-size": "1", "bptt": "1" },
    "samples",
    ["--noise batch with --batch-size 1", "make one of them larger"],
  ],
  ["a model that no device holds", FILES, { ...NCE, nhid: "65536" }, "sizes", [
    "--nhid 65536 with --emsize 8",
    "would fit",
  ]],
];

for (const [what, files, given, name, says] of STOPS) {
  Deno.test(`doctor() stops what a run refuses, with its words: ${what}`, () =>
    inFolder(async () => {
      const { findings, stops } = await examine(given);
      assert(stops);
      const [first, ...more] = findings.filter(({ grade }) => grade === "stop");
      assertEquals([first?.name, more], [name, []]);
      for (const part of says) assertStringIncludes(`${first!.text}; ${first!.cure}`, part);
      const settings = parseSettings({ ...given, train: true });
      const refusal = await assertRejects(() => run(settings, captureIo()), Error);
      assertStringIncludes(refusal.message, first!.text);
    }, files));
}

Deno.test("doctor() names every file that is missing or not UTF-8, not only the first", () =>
  inFolder(async () => {
    Deno.writeFileSync("test.txt", Uint8Array.of(0x61, 0x20, 0xe9, 0x0a)); // Latin-1
    const { findings } = await examine(TINY);
    assertEquals(
      findings.filter(({ grade }) => grade === "stop").map(({ name }) => name),
      ["valid.txt", "test.txt"],
    );
    assert(findings.some(({ subject }) => subject === "machine"), "the machine is looked at");
  }, { "train.txt": TRAIN }));

Deno.test("doctor() stops a run whose model another one is training", () =>
  inFolder(async () => {
    using _lock = lockModel("model");
    const { findings } = await examine(TINY);
    const [stop] = findings.filter(({ grade }) => grade === "stop");
    assertStringIncludes(stop!.text, "Cannot train model: another run");
  }, FILES));

Deno.test("doctor() says what becomes of a model that is there, as training then does", () =>
  inFolder(async () => {
    const path = "saved_model/model.safetensors",
      text = async () =>
        (await examine(TINY)).findings.find(({ subject, name }) =>
          subject === "settings" && name === "files"
        )?.text;
    Deno.mkdirSync("saved_model");
    Deno.writeFileSync(path, encodeHeader([], {}));
    const replaces = `${path} is there: training replaces it`;
    assertEquals(
      await text(),
      `${replaces}, and keeps it as saved_model/model.previous.safetensors`,
    );
    Deno.writeFileSync(path, encodeHeader([], { unfinished: "true" }));
    assertEquals(await text(), replaces);
  }, FILES));

/** Texts and settings that a run takes, though they are hardly meant. */
const WARNS: typeof STOPS = [
  ["unknown words that training lacks", { "test.txt": OTHER + "x y\n" }, TINY, "unknown words", [
    "training has none",
    "--min-freq 2",
  ]],
  [
    "log-uniform noise over a vocabulary without order",
    { words: "w6\nend\nthe\n" },
    { ...NCE, vocab: "words", noise: "log-uniform" },
    "samples",
    ["order of falling frequency", "1 of 3 words", "--noise unigram"],
  ],
  ["more samples than words", {}, { ...NCE, "noise-ratio": "50" }, "samples", [
    "--noise-ratio 50 is over the 14 words",
  ]],
  ["a norm term far off", {}, { ...NCE, "norm-term": "30" }, "norm term", [
    "30; ln V",
    "--norm-term auto",
  ]],
  [
    "a norm term far off, to which the exact loss is drawn",
    {},
    { ...TINY, "self-norm": "0.1", "norm-term": "30" },
    "norm term",
    ["30; ln V", "--norm-term auto"],
  ],
  [
    "a learning rate that diverges",
    {},
    { ...NCE, "lr": "1e20", "clip": "1e20", "weight-decay": "0" },
    "training",
    ["no longer finite", "a smaller --lr"],
  ],
];

for (const [what, files, given, name, says] of WARNS) {
  Deno.test(`doctor() warns, and the run may start: ${what}`, () =>
    inFolder(async () => {
      const { findings, stops } = await examine(given);
      assertEquals(stops, false);
      const own = findings.filter((finding) => finding.name === name && finding.grade === "warn");
      assertEquals(own.length, 1, JSON.stringify(findings));
      for (const part of says) assertStringIncludes(`${own[0]!.text}; ${own[0]!.cure}`, part);
    }, { ...FILES, ...files }));
}

Deno.test("doctor() writes nothing, and finds nothing odd but the small test of a good text", () =>
  inFolder(async () => {
    const { findings } = await examine({ ...NCE, "norm-term": "auto", "noise": "batch+unigram" });
    assertEquals(
      findings.filter(({ grade, name }) => grade !== "fine" && name !== "gradient")
        .map(({ name }) => name),
      ["size"],
    );
    assertEquals(namesIn("."), ["test.txt", "train.txt", "valid.txt"]);
  }, FILES));

Deno.test("doctor() examines a run that starts from a model with the model's words", () =>
  inFolder(async () => {
    await run(parseSettings({ ...NCE, train: true, autotune: false, save: "base" }), captureIo());
    const given: Given = { ...NCE, start: "base" };
    Deno.writeTextFileSync("train.txt", `${TRAIN}new words\n`);
    Deno.writeTextFileSync("test.txt", "new words\n".repeat(20));
    const { findings, stops } = await examine(given);
    assertEquals(stops, false);
    const unknown = findings.filter(({ name }) => name === "unknown words");
    assertStringIncludes(unknown[0]!.text, "<unk> is 100 % of test");
    assertStringIncludes(String(unknown[0]!.cure), "give a text of the model's own kind by --data");
    const other = await examine({ ...given, emsize: "10" });
    const [stop] = other.findings.filter(({ grade }) => grade === "stop");
    assertStringIncludes(
      stop!.text,
      "Cannot start from saved_model/base.safetensors with --emsize",
    );
  }, FILES));

Deno.test("doctor() prints a list by subject, wrapped at the terminal's width, and its verdict", () =>
  inFolder(async () => {
    const wide = captureIo(), narrow = captureIo(60);
    for (const io of [wide, narrow]) {
      await doctor(parseSettings({ ...NCE, train: true }), false, io, TRIAL);
    }
    const subjects = ["data", "settings", "noise", "machine", "memory", "time"];
    assertEquals(wide.outLines.filter((line) => subjects.includes(line)), subjects);
    assertStringIncludes(wide.outLines.at(-1)!, "this run can start: 0 to stop it, ");
    const quiet = captureIo();
    await doctor(parseSettings({ ...NCE, train: true, quiet: true }), false, quiet, TRIAL);
    assertEquals(quiet.outLines.filter((line) => line.startsWith("  fine")), []);
    assert(quiet.outLines.some((line) => line.startsWith("  warn  size")));
    assert(narrow.outLines.every((line) => line.length <= 60), narrow.outLines.join("\n"));
  }, FILES));
