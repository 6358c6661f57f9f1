// Checkpoints whose header is not what it should be: one line says what is wrong.

import { concat } from "@std/bytes";
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import type { Settings } from "../../../example/options/options.ts";
import { parseSettings } from "../../../example/options/settings.ts";
import { type Sentences, SentencesBuilder } from "../../../example/data/sentences.ts";
import { Vocabulary } from "../../../example/data/vocab.ts";
import { Failure, UsageError } from "../../../example/shared/errors.ts";
import { byteView } from "../../../example/shared/files.ts";
import {
  checkpointPath,
  type Hashes,
  hashesOf,
  openCheckpoint,
  type RunState,
} from "../../../example/storage/checkpoint.ts";
import { encodeHeader } from "../../../example/storage/safetensors.ts";
import { FIXED_TUNING } from "../../../kernels/device/tuning.ts";
import { inFolder } from "../../support/folder.ts";
import { OPTIONS } from "../../support/options.ts";

const SETTINGS = parseSettings({ train: true, nce: true });
const PATH = checkpointPath(SETTINGS.save);
const HASHES: Hashes = { memory: "all", vocabulary: "12", text: "34" };
const STATE: RunState = {
  position: {
    epoch: 2,
    batch: 3,
    step: 7,
    lr: 0.5,
    reported: { sum: 1, tokens: 2 },
    unreported: { sum: 1, tokens: 2, batches: 3, firstBad: -1 },
    hits: { hits: 0, samples: 0 },
  },
  optimizer: {
    kind: "SGD",
    lr: 0.5,
    counts: { "encoder.weight": [1, 2] },
    tensors: { "encoder.weight": { shape: [2, 3], dtype: "f32" } },
  },
  tuning: FIXED_TUNING,
  best: {
    epoch: 1,
    validation: { kind: "ppl", measure: 9 },
    card: { mean: 1, std: 2, normTerm: 1, rawPplBest: 9 },
    sha256: "56",
  },
  recorded: 100,
};
/** What no field of a checkpoint can be, but a setting. */
const WRONG = [null, {}, { a: {} }, [[]], "x", 3, true];

/** Writes a checkpoint with these texts, and a tensor `w` [2, 3]. */
function write(texts: Record<string, unknown>, settings = SETTINGS, kind = "nce checkpoint"): void {
  const all = { settings, hashes: HASHES, state: STATE, ...texts };
  const json = Object.entries(all).map(([name, value]) => [name, JSON.stringify(value)]);
  const header = encodeHeader([["w", [2, 3]]], { kind, ...Object.fromEntries(json) });
  Deno.mkdirSync("saved_model", { recursive: true });
  Deno.writeFileSync(PATH, concat([header, byteView(Float32Array.of(1, 2, 3, 4, 5, 6))]));
}

/** The state that is read from a file with these texts. */
function stateIn(texts: Record<string, unknown>, settings: Settings = SETTINGS): RunState {
  write(texts, settings);
  using checkpoint = openCheckpoint(settings);
  return checkpoint!.state;
}

/** All copies of `value` with one part of it, at any depth, of a wrong type; with the part's place. */
function* damaged(value: unknown, place: string): Generator<readonly [unknown, string]> {
  for (const wrong of WRONG) {
    const kind = (of: unknown) => of === null ? "null" : Array.isArray(of) ? "list" : typeof of;
    if (kind(wrong) !== kind(value) || kind(wrong) === "list") yield [wrong, place];
  }
  if (typeof value !== "object" || value === null) return;
  for (const [name, part] of Object.entries(value)) {
    for (const [copy, at] of damaged(part, `${place}.${name}`)) {
      yield [
        Array.isArray(value) ? value.with(Number(name), copy) : { ...value, [name]: copy },
        at,
      ];
    }
  }
}

Deno.test("openCheckpoint() refuses every field of a wrong type in one line that names it", () =>
  inFolder(() => {
    assertEquals(stateIn({}), STATE);
    let tried = 0;
    for (const [name, value] of Object.entries({ state: STATE, hashes: HASHES })) {
      for (const [copy, place] of damaged(value, name)) {
        const { message } = assertThrows(() => stateIn({ [name]: copy }), Failure);
        const named = place.replace(/^(state\.tuning)\..*/, "$1"); // it is checked as a whole
        assert(message.startsWith(`Cannot load ${PATH}: its ${named}`), `${place}: ${message}`);
        assertMatch(
          message,
          /: it is damaged, or of another version; restore it, or leave out --res/,
        );
        assert(!message.includes("\n"));
        tried++;
      }
    }
    assert(tried > 100);
  }));

Deno.test("openCheckpoint() refuses a state without a part that it must have", () =>
  inFolder(() => {
    const { optimizer: _optimizer, ...unmoved } = STATE, { position: _position, ...lost } = STATE;
    const { wholeUnits: _wholeUnits, ...older } = FIXED_TUNING; // as an earlier version had it
    const tuning = { ...older, serpentine: 1, keptFours: 1 };
    const refused: readonly [object, string][] = [
      [unmoved, "its state.optimizer is not a JSON object"],
      [lost, "its state.position is not a JSON object"],
      [{ ...STATE, tuning }, "its state.tuning is not a tuning"],
    ];
    for (const [state, why] of refused) {
      const message = `Cannot load ${PATH}: ${why}: it is damaged, or of another version`;
      assertThrows(() => stateIn({ state }), Failure, message);
    }
  }));

Deno.test("openCheckpoint() takes a state without what may be missing, and with more", () =>
  inFolder(() => {
    const { position, optimizer } = STATE, { card: _, ...best } = STATE.best!;
    const least = { position, optimizer };
    for (const state of [least, { ...least, best }, { ...STATE, more: [null] }]) {
      assertEquals<unknown>(stateIn({ state }), state);
    }
  }));

Deno.test("openCheckpoint() compares the settings of a damaged file without trusting them", () =>
  inFolder(() => {
    for (const emsize of WRONG) {
      const settings = { ...SETTINGS, emsize };
      const { message } = assertThrows(() => stateIn({ settings }), UsageError);
      assertMatch(
        message,
        /^Cannot resume .* with --emsize 200, as it was begun with(out)? --emsize/,
      );
    }
    for (const settings of WRONG.filter((wrong) => wrong === null || typeof wrong !== "object")) {
      assertThrows(() => stateIn({ settings }), Failure, "its settings is not a JSON object");
    }
  }));

Deno.test("openCheckpoint() takes a file from before an option was there, unless the option changes what is learned", () =>
  inFolder(() => {
    const later: string[] = [];
    for (const { setting, mayChange, addedLater } of OPTIONS) {
      if (!Object.hasOwn(SETTINGS, setting)) continue; // short for another, or not there yet
      const settings = Object.fromEntries(
        Object.entries(SETTINGS).filter(([name]) => name !== setting),
      );
      if (addedLater) later.push(setting);
      if (mayChange || addedLater) assertEquals(stateIn({ settings }), STATE, setting);
      else {
        const missing = `its setting ${setting} is missing`;
        assertThrows(() => stateIn({ settings }), Failure, missing);
      }
    }
    assertEquals(later, [
      "start",
      "compute",
      "tied",
      "tableDtype",
      "syncEvery",
      "outerLr",
      "outerMomentum",
    ]);
    // It was begun with what the program did then.
    const { compute: _, ...before } = SETTINGS;
    const { message } = assertThrows(
      () => stateIn({ settings: before }, { ...SETTINGS, compute: "f16" }),
      UsageError,
    );
    assertMatch(message, / with --compute f16, as it was begun with --compute f32: give what /);
  }));

Deno.test("openCheckpoint() gives tensors in the shape that they have, and no others", () =>
  inFolder(() => {
    assertEquals(openCheckpoint(SETTINGS), undefined);
    write({});
    using checkpoint = openCheckpoint(SETTINGS)!;
    assertEquals([...checkpoint.shapes], [["w", [2, 3]]]);
    assertEquals([...checkpoint.numbers("w", [2, 3]).read(1, 6)], [2, 3, 4, 5, 6]);
    const others = [["w", [3, 2], "w is [2,3], expected [3,2]"], [
      "v",
      [1],
      "v is missing",
    ]] as const;
    for (const [name, shape, message] of others) {
      assertThrows(
        () => checkpoint.numbers(name, shape),
        Failure,
        `Cannot load ${PATH}: ${message}`,
      );
    }
    write({}, SETTINGS, "nce word language model");
    assertThrows(() => openCheckpoint(SETTINGS), Failure, "it is no checkpoint of this program");
    Deno.removeSync(PATH);
    Deno.mkdirSync(PATH);
    assertThrows(() => openCheckpoint(SETTINGS), Failure, "it is a folder");
  }));

Deno.test("a checkpoint knows its text and the windows that it was read in", () =>
  inFolder(() => {
    const wrong: readonly [Hashes, Partial<Hashes>, string][] = [
      [HASHES, { text: "35" }, "the text changed since it was written: restore it, or leave out"],
      [HASHES, { vocabulary: "13" }, "the vocabulary changed since it was written"],
      [HASHES, { memory: "2" }, "other windows: give --corpus-memory a larger one, or leave out"],
      [{ ...HASHES, memory: "2" }, { memory: "all" }, "other windows: give --corpus-memory 2, or"],
    ];
    for (const [hashes, change, message] of wrong) {
      write({ hashes });
      using checkpoint = openCheckpoint(SETTINGS)!;
      checkpoint.expectText(hashes);
      assertThrows(() => checkpoint.expectText({ ...hashes, ...change }), Failure, message);
    }
    const started = { ...SETTINGS, start: "base" };
    write({}, started);
    using checkpoint = openCheckpoint(started)!;
    assertThrows(
      () => checkpoint.expectText({ ...HASHES, vocabulary: "13" }),
      Failure,
      "the vocabulary, with the words of --start base, changed since it was written",
    );
  }));

Deno.test("hashesOf() differs with any word, count and sentence of what is trained and validated on", () => {
  const textOf = (...sentences: readonly (readonly number[])[]): Sentences => {
    const builder = new SentencesBuilder();
    for (const ids of sentences) builder.add(ids);
    return builder.build();
  };
  const words = ["<unk>", "<s>", "</s>", "a", "b"], counts = [0, 2, 0, 2, 1];
  const text = {
    vocabulary: Vocabulary.from(words, counts),
    train: textOf([3, 4], [3]),
    valid: textOf([4]),
  };
  const { memory, ...own } = hashesOf(text);
  assertEquals([memory, hashesOf({ ...text })], ["all", { memory, ...own }]);
  const ofWords = [
    Vocabulary.from(words.with(4, "c"), counts),
    Vocabulary.from(words, counts.with(4, 2)),
  ];
  for (const vocabulary of ofWords) {
    const found = hashesOf({ ...text, vocabulary });
    assertEquals([found.vocabulary === own.vocabulary, found.text], [false, own.text]);
  }
  const ofText = [
    { train: textOf([3, 3], [3]) },
    { train: textOf([3], [4, 3]) },
    { valid: textOf([3]) },
    { valid: textOf([4], []) },
  ];
  for (const change of ofText) {
    const found = hashesOf({ ...text, ...change });
    assertEquals([found.vocabulary, found.text === own.text], [own.vocabulary, false]);
  }
});
