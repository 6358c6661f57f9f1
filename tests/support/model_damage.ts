/** Damaged model files: labels, bytes, and error messages. */

import {
  assemble,
  fileOf,
  goodParts,
  headerOf,
  join,
  type Parts,
  smallSettings,
  withHeader,
  withVocabulary,
} from "./model_files.ts";

/** A damaged file. */
export interface Damage {
  label: string;
  bytes: Uint8Array<ArrayBuffer>;
  /** The error message after the file's name. */
  reason: RegExp;
}

/** The good file after `change`. */
function damage(label: string, reason: RegExp, change: (parts: Parts) => void): Damage {
  const parts = goodParts();
  change(parts);
  return { label, reason, bytes: assemble(parts) };
}

/** Values that are invalid for every setting. */
const FOREIGN: readonly unknown[] = [null, {}, [], [3], { toString: 1 }, "", "x", "__proto__"];
const WHOLE = [0, -1, 0.5, 1e300, 2 ** 53, "3", true, false];

/** For each setting, further values that are invalid in the good file. */
const BAD_VALUES: Readonly<Record<string, readonly unknown[]>> = {
  indexModule: ["lstm", "Linear", "gru", 1, true],
  emsize: [...WHOLE, 1e9, 4],
  nhid: [...WHOLE, 1e9, 1],
  nlayers: [...WHOLE, 1, 3, 1000, 2147483647],
  dropout: [1, -0.1, 2, 1e300, "0.2", true],
  loss: ["softmax", "NCE", "toString", 1, true],
  noise: ["bigram", "batch+", "batch+batch", 1, true],
  noisePower: ["1", true],
  noiseUniform: [-0.1, 1.1, "0", false],
  noiseRatio: WHOLE,
  unique: [1, "true", true],
  removeHits: [0, "false"],
  perWord: [2, "yes"],
  normTerm: ["Learned", "9", 9, "auto", -1, true],
  selfNorm: [-1, "0", false],
  seed: [-1, 0.5, 2 ** 53, "1", true],
  tableDtype: ["f64", "F16", 16, true],
};

/** Settings that older files do not have. */
const ADDED: readonly string[] = ["tableDtype"];

/** Settings that are valid alone, but not together. */
const CONTRADICTIONS: readonly object[] = [
  { indexModule: "gru" },
  { indexModule: "gru", nlayers: 3 },
  { tableDtype: "f16" }, // its emsize is odd
  { perWord: true, noise: "batch" },
  { perWord: true, noise: "batch+unigram" },
  { unique: true },
  { unique: true, loss: "full" },
  { unique: true, loss: "sampled", perWord: true },
  { unique: true, loss: "sampled", noise: "batch+uniform" },
];

function damagedSettings(): Damage[] {
  const reason = /^its settings? |expected \[|has no rnn|belongs to no such/;
  return Object.entries(BAD_VALUES).flatMap(([name, values]) => [
    ...ADDED.includes(name) ? [] : [
      damage(`${name} removed`, new RegExp(`its setting ${name} is missing`), ({ settings }) => {
        delete settings[name];
      }),
    ],
    // A number that JSON reads as Infinity, and an invalid one.
    damage(
      `${name} 1e999`,
      new RegExp(`its setting ${name} (is of|cannot be)`),
      ({ settings, metadata }) => {
        metadata["settings"] = JSON.stringify({ ...settings, [name]: 0 }).replace(
          `"${name}":0`,
          `"${name}":1e999`,
        );
      },
    ),
    damage(`${name} NaN`, /its settings are not JSON/, ({ settings, metadata }) => {
      metadata["settings"] = JSON.stringify({ ...settings, [name]: 0 }).replace(
        `"${name}":0`,
        `"${name}":NaN`,
      );
    }),
    ...[...FOREIGN, ...values].map((value) =>
      damage(`${name} ${JSON.stringify(value)}`, reason, ({ settings }) => {
        settings[name] = value;
      })
    ),
  ]).concat([
    damage("unknown setting", /its setting temperature is unknown/, ({ settings }) => {
      settings["temperature"] = 1;
    }),
    ...CONTRADICTIONS.map((change) =>
      damage(JSON.stringify(change), /its settings contradict each other/, ({ settings }) => {
        Object.assign(settings, change);
      })
    ),
  ]);
}

function damagedTexts(): Damage[] {
  const list: Damage[] = [
    damage("no kind", /not a word language model/, ({ metadata }) => void delete metadata["kind"]),
    damage("other kind", /not a word language model/, ({ metadata }) => {
      metadata["kind"] = "nce recommender";
    }),
    damage("no metadata", /metadata is not a JSON object/, (parts) => {
      Object.assign(parts.entries, { __metadata__: null });
    }),
  ];
  for (const name of ["settings", "words", "counts"]) {
    const texts = ["", "{", "nul", "null", "5", '"x"', "{}", "[]", "[[]]", "[".repeat(1e5)];
    for (const text of texts) {
      list.push(
        damage(`${name} ${text.slice(0, 9)}`, /^its settings?|^its \w+ are|^the vocab/, (parts) => {
          parts.metadata[name] = text;
        }),
      );
    }
    for (const value of [null, 5, {}]) {
      list.push(damage(`${name} no text`, new RegExp(`metadata ${name} is not a text`), (parts) => {
        parts.metadata[name] = value;
      }));
    }
    list.push(damage(`${name} missing`, new RegExp(`its ${name} are missing`), (parts) => {
      Object.assign(parts.metadata, { [name]: undefined });
    }));
  }
  return list;
}

function damagedVocabulary(): Damage[] {
  const words: [string, (words: unknown[]) => void][] = [
    ["doubled", (words) => words[4] = words[3]],
    ["a mark doubled", (words) => words[4] = "<s>"],
    ["empty", (words) => words[4] = ""],
    ["a number", (words) => words[4] = 5],
    ["null", (words) => words[4] = null],
    ["a list", (words) => words[4] = ["a"]],
    ["without the first mark", (words) => words.shift()],
    ["marks in another order", (words) => words.unshift(words.splice(1, 1)[0])],
    ["one fewer", (words) => words.pop()],
    ["one more", (words) => words.push("b")],
    ["none", (words) => words.splice(0)],
  ];
  const counts: [string, (counts: unknown[]) => void][] = [
    ["negative", (counts) => counts[3] = -1],
    ["a fraction", (counts) => counts[3] = 0.5],
    ["a text", (counts) => counts[3] = "5"],
    ["null", (counts) => counts[3] = null],
    ["true", (counts) => counts[3] = true],
    ["too large", (counts) => counts[3] = 2 ** 53],
    ["a list", (counts) => counts[3] = [5]],
    ["one fewer", (counts) => counts.pop()],
    ["one more", (counts) => counts.push(1)],
    ["none", (counts) => counts.splice(0)],
    ["all zero", (counts) => counts.fill(0)],
  ];
  const both: [string, (parts: Parts) => void][] = [
    ["one word fewer", ({ words, counts }) => (words.pop(), counts.pop())],
    ["one word more", ({ words, counts }) => (words.push("b"), counts.push(1))],
  ];
  return [
    ...words.map(([label, change]) =>
      damage(`words: ${label}`, /the vocabulary is damaged/, (parts) => change(parts.words))
    ),
    ...counts.map(([label, change]) =>
      damage(`counts: ${label}`, /the vocabulary is damaged/, (parts) => change(parts.counts))
    ),
    ...both.map(([label, change]) => damage(label, /encoder.weight is \[5,3\], expected/, change)),
  ];
}

/** The vocabulary as tensors. */
function damagedBytes(): Damage[] {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const numbers = (...counts: number[]) => new Uint8Array(Float64Array.from(counts).buffer);
  const words: [string, Uint8Array, RegExp][] = [
    ["none", bytes(""), /missing or there twice|must begin/],
    ["doubled", bytes("<unk>\n<s>\n</s>\na\na\n"), /missing or there twice/],
    ["without an end", bytes("<unk>\n<s>\n</s>\na\nb"), /missing or there twice/],
    ["empty", bytes("<unk>\n<s>\n</s>\na\n\n"), /word 4 is not a text/],
    ["without a mark", bytes("<s>\n</s>\na\nb\nc\n"), /must begin with/],
    ["marks in another order", bytes("<s>\n<unk>\n</s>\na\nb\n"), /must begin with/],
    ["one fewer", bytes("<unk>\n<s>\n</s>\na\n"), /4 words, 5 counts/],
    ["one more", bytes("<unk>\n<s>\n</s>\na\nb\nc\n"), /6 words, 5 counts/],
    ["no UTF-8", Uint8Array.of(...bytes("<unk>\n<s>\n</s>\na\n"), 0xff, 10), /not UTF-8/],
  ];
  const counts: [string, Uint8Array, RegExp][] = [
    ["none", numbers(), /5 words, 0 counts/],
    ["negative", numbers(2, 3, 0, -1, 1), /the count of word 3/],
    ["a fraction", numbers(2, 3, 0, 0.5, 1), /the count of word 3/],
    ["NaN", numbers(2, 3, 0, NaN, 1), /the count of word 3/],
    ["too large", numbers(2, 3, 0, 2 ** 53, 1), /the count of word 3/],
    ["one fewer", numbers(2, 3, 0, 5), /5 words, 4 counts/],
    ["all zero", numbers(0, 0, 0, 0, 0), /no word was ever counted/],
  ];
  const make =
    (name: "words" | "counts") => ([label, data, reason]: [string, Uint8Array, RegExp]) => ({
      label: `${name} in a tensor: ${label}`,
      reason,
      bytes: withVocabulary(name, data),
    });
  return [
    ...words.map(make("words")),
    ...counts.map(make("counts")),
    { label: "no words", reason: /words are missing/, bytes: withVocabulary("words", undefined) },
    {
      label: "no counts",
      reason: /counts are missing/,
      bytes: withVocabulary("counts", undefined),
    },
  ];
}

function damagedTensors(): Damage[] {
  return Object.keys(goodParts().entries).flatMap((name) => {
    const entry = (label: string, reason: RegExp, change: object) =>
      damage(`${name} ${label}`, reason, ({ entries }) => Object.assign(entries[name]!, change));
    const { shape, data_offsets: [begin, end] } = goodParts().entries[name]!;
    const number = (value: number) =>
      damage(
        `${name} ${value}`,
        new RegExp(`^${name} has -?(NaN|Infinity) at row 0$`),
        ({ data }) => {
          new DataView(data.buffer).setFloat32(begin!, value, true);
        },
      );
    return [
      damage(`${name} removed`, /belong to no tensor/, ({ entries }) => void delete entries[name]),
      damage(`${name} emptied`, /belong to no tensor|overlap|expected/, ({ entries }) => {
        entries[name] = { dtype: "F32", shape: [0], data_offsets: [begin!, begin!] };
      }),
      damage(`${name} renamed`, new RegExp(`it has no ${name}`), ({ entries }) => {
        entries[`${name}2`] = entries[name]!;
        delete entries[name];
      }),
      damage(`${name} null`, /is not a JSON object/, ({ entries }) => {
        Object.assign(entries, { [name]: null });
      }),
      entry("with one more dimension", /expected/, { shape: [...shape, 1] }),
      entry("with a dimension missing", /but has|expected/, { shape: shape.slice(1) }),
      entry("of another size", /but has/, { shape: [...shape, 2] }),
      entry("of a huge size", /but has/, { shape: [2 ** 52, 2 ** 52] }),
      entry("of a negative size", /not a list of sizes/, { shape: [-1, ...shape.slice(1)] }),
      entry("without a shape", /not a list of sizes/, { shape: undefined }),
      ...["F16", "BF16", "F64", "I32", "f32", 5, undefined].map((dtype) =>
        entry(`of dtype ${dtype}`, /, not F32/, { dtype })
      ),
      entry("shifted up", /belong to no tensor|overlap|truncated/, {
        data_offsets: [begin! + 4, end! + 4],
      }),
      entry("shifted down", /overlap|not two positions/, { data_offsets: [begin! - 4, end! - 4] }),
      entry("turned round", /truncated or damaged/, { data_offsets: [end, begin] }),
      entry("with three offsets", /not two positions/, { data_offsets: [begin, end, end] }),
      entry("with huge offsets", /truncated or damaged/, { data_offsets: [0, 2 ** 52] }),
      number(NaN),
      number(Infinity),
      number(-Infinity),
    ];
  });
}

function damagedFiles(): Damage[] {
  const good = fileOf(smallSettings()), { json, start } = headerOf(good), data = good.slice(start);
  const list: Damage[] = [];
  const add = (label: string, reason: RegExp, bytes: Uint8Array<ArrayBuffer>) =>
    list.push({ label, reason, bytes });
  const length = BigInt(start - 8);
  for (
    const wrong of [
      0n,
      1n,
      length - 1n,
      length + 4n,
      2n ** 31n,
      2n ** 53n,
      2n ** 63n,
      2n ** 64n - 1n,
    ]
  ) {
    const bytes = good.slice();
    new DataView(bytes.buffer).setBigUint64(0, wrong, true);
    add(`header length ${wrong}`, /not JSON|no safetensors file|at the end belong/, bytes);
  }
  for (
    const size of [
      0,
      1,
      7,
      8,
      9,
      100,
      start - 1,
      start,
      start + 4,
      good.length - 4,
      good.length - 1,
    ]
  ) {
    add(`cut to ${size} bytes`, /truncated/, good.slice(0, size));
  }
  for (const extra of [1, 4, 1000]) {
    add(`${extra} bytes more`, /at the end belong to no/, join(good, new Uint8Array(extra)));
  }
  for (
    const text of ["", " ", "null", "5", '"x"', "[]", "{", `\ufeff${json}`, `${json}}`, `[${json}]`]
  ) {
    add(`header ${text.slice(0, 9)}`, /its header is not/, withHeader(text, data));
  }
  add(
    "no tensors",
    /its words are missing/,
    withHeader(JSON.stringify({ __metadata__: JSON.parse(json).__metadata__ }), new Uint8Array()),
  );
  add("nothing but a text", /truncated or no/, new TextEncoder().encode("a text about models"));
  add("one tensor more", /its tensor more belongs to no such model/, assembleWithMore());
  return list;
}

function assembleWithMore(): Uint8Array<ArrayBuffer> {
  const parts = goodParts(), { length } = parts.data;
  parts.entries["more"] = { dtype: "F32", shape: [1], data_offsets: [length, length + 4] };
  return assemble({ ...parts, data: join(parts.data, new Uint8Array(4)) });
}

/** All damaged files. */
export function damagedModels(): Damage[] {
  return [
    ...damagedSettings(),
    ...damagedTexts(),
    ...damagedVocabulary(),
    ...damagedBytes(),
    ...damagedTensors(),
    ...damagedFiles(),
  ];
}
