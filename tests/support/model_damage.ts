/** Damaged model files: labels, bytes, and error messages. */

import { damagedFiles, damagedTensors, damagedVocabulary } from "./model_damage_bytes.ts";
import { type Damage, damage } from "./model_files.ts";

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
  tied: [1, "true", true],
};

/** Settings that older files do not have. */
const ADDED: readonly string[] = ["tableDtype", "tied"];

/** Settings that are valid alone, but not together. */
const CONTRADICTIONS: readonly object[] = [
  { indexModule: "gru" },
  { indexModule: "gru", nlayers: 3 },
  { indexModule: "gru", nlayers: 1, tied: true },
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
  const texts = ["", "{", "nul", "null", "5", '"x"', "{}", "[]", "[[]]", "[".repeat(1e5)];
  for (const text of texts) {
    list.push(damage(`settings ${text.slice(0, 9)}`, /^its settings?/, ({ metadata }) => {
      metadata["settings"] = text;
    }));
  }
  for (const value of [null, 5, {}]) {
    list.push(damage("settings no text", /metadata settings is not a text/, ({ metadata }) => {
      metadata["settings"] = value;
    }));
  }
  list.push(damage("settings missing", /its settings are missing/, ({ metadata }) => {
    metadata["settings"] = undefined;
  }));
  return list;
}

/** All damaged files. */
export function damagedModels(): Damage[] {
  return [
    ...damagedSettings(),
    ...damagedTexts(),
    ...damagedVocabulary(),
    ...damagedTensors(),
    ...damagedFiles(),
  ];
}
