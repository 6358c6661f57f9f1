// Properties of model files: damaged in whatever way, a file is read for what it says, or refused.

import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { loadModel } from "../../../example/storage/saved_model.ts";
import { Failure } from "../../../example/shared/errors.ts";
import { decodeModel, type ModelFile } from "../../../example/storage/model_file.ts";
import { ofBytes } from "../../../example/shared/files.ts";
import { INDEX_MODULES, LOSSES, NOISES } from "../../../example/options/choices.ts";
import { inFolder } from "../../support/folder.ts";
import { withGpu } from "../../support/gpu.ts";
import {
  assemble,
  countBytes,
  fileOf,
  goodParts,
  headerOf,
  join,
  parametersOf,
  smallSettings,
  withHeader,
  wordBytes,
  WORDS,
} from "../../support/model_files.ts";
import { check, checkAsync } from "../../support/property.ts";
import { listsOf, wordsOf } from "../../support/texts.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const GOOD = fileOf(smallSettings());
const NAME = "m.safetensors";

/** What a file says, read without any checks. */
function plainReading(bytes: Bytes): unknown {
  const { json, start } = headerOf(bytes), { __metadata__: texts, ...entries } = JSON.parse(json);
  const tensors = Object.entries<{ data_offsets: [number, number] }>(entries).map(
    ([name, { data_offsets: [begin, end] }]) =>
      [name, bytes.slice(start + begin, start + end)] as const,
  );
  const { "vocabulary.words": words, "vocabulary.counts": counts, ...others } = Object.fromEntries(
    tensors,
  );
  return {
    settings: JSON.parse(texts.settings),
    words: new TextDecoder("utf-8", { ignoreBOM: true }).decode(words).split("\n").slice(0, -1),
    counts: [...new Float64Array(counts!.buffer)],
    numbers: Object.fromEntries(
      Object.entries(others).map(([name, data]) => [name, new Float32Array(data.buffer)]),
    ),
  };
}

function contentOf(file: ModelFile): unknown {
  const { settings, vocabulary } = file, numbers = Object.fromEntries(parametersOf(file));
  return { settings, ...listsOf(vocabulary), numbers };
}

/** What a run relies on, checked by itself. */
function assertSound(file: ModelFile): void {
  const { settings, vocabulary } = file,
    words = wordsOf(vocabulary),
    counts = [...vocabulary.counts];
  const { emsize, nhid, nlayers, noiseRatio, dropout, noiseUniform, seed } = settings;
  for (const size of [emsize, nhid, nlayers, noiseRatio]) {
    assert(Number.isSafeInteger(size) && size >= 1);
  }
  assert(Number.isSafeInteger(seed) && seed >= 0);
  assert(dropout >= 0 && dropout < 1 && noiseUniform >= 0 && noiseUniform <= 1);
  assert(INDEX_MODULES.includes(settings.indexModule));
  assert(LOSSES.includes(settings.loss) && NOISES.includes(settings.noise));
  assertEquals(words.slice(0, 3), ["<unk>", "<s>", "</s>"]);
  assertEquals(new Set(words).size, words.length);
  assertEquals(counts.length, words.length);
  assert(words.every((word) => typeof word === "string" && word !== ""));
  assert(counts.every((count) => Number.isSafeInteger(count) && count >= 0));
  for (const numbers of parametersOf(file).values()) assert(numbers.every(Number.isFinite));
}

/** Checks that `error` is the one line that a damaged file of this name gives. */
function assertRefusal(error: unknown, name: string): void {
  if (!(error instanceof Failure)) throw error;
  assert(error.message.startsWith(`Cannot load ${name}: `), error.message);
  assertMatch(error.message, /^[^\p{Cc}\u2028\u2029]{1,500}$/u);
  assertEquals(error.cause, undefined, "an error of the program passed for damage");
}

/** Checks that the file is read for what it says, or refused; gives whether it was read. */
function assertReadOrRefused(bytes: Bytes): boolean {
  let model: ModelFile;
  try {
    model = decodeModel(ofBytes(bytes, NAME));
  } catch (error) {
    assertRefusal(error, NAME);
    return false;
  }
  assertSound(model);
  assertEquals(contentOf(model), plainReading(bytes));
  return true;
}

/** Changes to bytes: flips, cuts, and pieces removed, doubled or moved. */
const change = fc.oneof(
  fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })).map(([at, bits]) => (bytes: Bytes) => {
    const changed = bytes.slice();
    changed[at % bytes.length]! ^= bits;
    return changed;
  }),
  fc.nat().map((at) => (bytes: Bytes) => bytes.slice(0, at % bytes.length)),
  fc.tuple(fc.nat(), fc.nat(40), fc.nat(), fc.nat(40)).map(
    ([at, removed, from, length]) => (bytes: Bytes) => {
      const start = at % bytes.length, source = from % bytes.length;
      return join(
        bytes.subarray(0, start),
        bytes.subarray(source, source + length),
        bytes.subarray(start + removed),
      );
    },
  ),
  fc.tuple(fc.nat(), fc.uint8Array({ maxLength: 12 })).map(([at, piece]) => (bytes: Bytes) => {
    const start = at % bytes.length;
    return join(bytes.subarray(0, start), piece, bytes.subarray(start));
  }),
);

const changedFile = fc.array(change, { minLength: 1, maxLength: 3 }).map((changes) =>
  changes.reduce((bytes, change) => bytes.length === 0 ? bytes : change(bytes), GOOD)
);

/** The same bytes of the header alone, its length told as it is. */
const changedHeader = fc.array(change, { minLength: 1, maxLength: 2 }).map((changes) => {
  const { start } = headerOf(GOOD);
  const text = changes.reduce(
    (bytes, change) => bytes.length === 0 ? bytes : change(bytes),
    GOOD.slice(8, start),
  );
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  return join(length, text, GOOD.subarray(start));
});

/** JSON values, those that settings and headers have among them. */
const json = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom<unknown>(...LOSSES, ...NOISES, ...INDEX_MODULES, "auto", "learned", true, false),
  fc.integer({ min: -2, max: 9 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

/** The good file with some values of its header or its vocabulary replaced or new ones added. */
const replacedValues = fc.array(fc.tuple(fc.nat(), fc.option(fc.string()), json), {
  minLength: 1,
  maxLength: 3,
}).map((replacements) => {
  const parts = goodParts(), { settings, metadata, entries } = parts;
  const words: unknown[] = wordsOf(WORDS), counts: unknown[] = [...WORDS.counts];
  for (const [place, added, value] of replacements) {
    const records = [settings, settings, settings, words, counts, metadata, entries];
    const all = [...records, ...Object.values(entries)].filter((record) =>
      typeof record === "object" && record !== null
    );
    const record = all[place % all.length]!, names = Object.keys(record);
    const known = names[Math.floor(place / all.length) % names.length] ?? "0";
    const name = Array.isArray(record) ? known : added ?? known;
    Object.defineProperty(record, name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  const texts = words.map((word) => typeof word === "string" ? word : JSON.stringify(word));
  const numbers = counts.map((count) => typeof count === "number" ? count : NaN);
  return assemble({ ...parts, words: wordBytes(...texts), counts: countBytes(...numbers) });
});

Deno.test("a good model file with bytes flipped, cut or moved is read for what it says or refused", () => {
  assert(assertReadOrRefused(GOOD));
  check(fc.property(changedFile, (bytes) => void assertReadOrRefused(bytes)));
  check(fc.property(changedHeader, (bytes) => void assertReadOrRefused(bytes)));
});

Deno.test("a good model file with other values is read for what it says or refused", () => {
  check(fc.property(replacedValues, (bytes) => void assertReadOrRefused(bytes)));
});

Deno.test("a model file means the same whatever the order and the spaces in its header", () => {
  const { json, start } = headerOf(GOOD), header: object = JSON.parse(json);
  const shuffled = fc.shuffledSubarray(Object.entries(header), {
    minLength: Object.keys(header).length,
  });
  check(fc.property(shuffled, fc.nat(9), fc.nat(9), (entries, indent, spaces) => {
    const text = JSON.stringify(Object.fromEntries(entries), null, indent) + " ".repeat(spaces);
    const bytes = withHeader(text, GOOD.subarray(start));
    assertEquals(
      contentOf(decodeModel(ofBytes(bytes, NAME))),
      contentOf(decodeModel(ofBytes(GOOD, NAME))),
    );
  }));
});

Deno.test("loading a changed file leaves nothing on the GPU but the model", () =>
  inFolder((folder) =>
    withGpu(async (gpu) => {
      const path = `${folder}/${NAME}`;
      const changed = fc.oneof(changedHeader, replacedValues);
      await checkAsync(fc.asyncProperty(changed, async (bytes) => {
        Deno.writeFileSync(path, bytes);
        const before = gpu.memory;
        try {
          const { model, vocabulary, settings } = loadModel(gpu, path);
          using _model = model;
          const file = decodeModel(ofBytes(bytes, NAME));
          assertEquals(listsOf(vocabulary), listsOf(file.vocabulary));
          assertEquals(settings, file.settings);
          const [name, last] = model.parameters().at(-1)!;
          assertEquals(await gpu.readFloats(last), parametersOf(file).get(name));
        } catch (error) {
          assertRefusal(error, path);
        }
        assertEquals(gpu.memory.bytes, before.bytes);
        assertEquals(gpu.memory.buffers, before.buffers);
      }));
    })
  ));
