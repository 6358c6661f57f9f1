/** Model files whose bytes, tensors, words or size are wrong. */

import {
  assemble,
  countBytes,
  type Damage,
  damage,
  fileOf,
  goodParts,
  headerOf,
  join,
  type Parts,
  smallSettings,
  withHeader,
  wordBytes,
} from "./model_files.ts";

/** Another vocabulary, or none. */
export function damagedVocabulary(): Damage[] {
  const text = (joined: string) => new TextEncoder().encode(joined);
  const words: [string, Uint8Array | undefined, RegExp][] = [
    ["none", text(""), /missing or there twice|must begin/],
    ["doubled", wordBytes("<unk>", "<s>", "</s>", "a", "a"), /missing or there twice/],
    ["a mark doubled", wordBytes("<unk>", "<s>", "</s>", "a", "<s>"), /missing or there twice/],
    ["without an end", text("<unk>\n<s>\n</s>\na\nb"), /missing or there twice/],
    ["empty", wordBytes("<unk>", "<s>", "</s>", "a", ""), /word 4 is not a text/],
    ["without a mark", wordBytes("<s>", "</s>", "a", "b", "c"), /must begin with/],
    ["marks in another order", wordBytes("<s>", "<unk>", "</s>", "a", "b"), /must begin with/],
    ["one fewer", wordBytes("<unk>", "<s>", "</s>", "a"), /4 words, 5 counts/],
    ["one more", wordBytes("<unk>", "<s>", "</s>", "a", "b", "c"), /6 words, 5 counts/],
    ["no UTF-8", Uint8Array.of(...text("<unk>\n<s>\n</s>\na\n"), 0xff, 10), /not UTF-8/],
    ["missing", undefined, /its words are missing/],
  ];
  const counts: [string, Uint8Array | undefined, RegExp][] = [
    ["none", countBytes(), /5 words, 0 counts/],
    ["negative", countBytes(2, 3, 0, -1, 1), /the count of word 3/],
    ["a fraction", countBytes(2, 3, 0, 0.5, 1), /the count of word 3/],
    ["NaN", countBytes(2, 3, 0, NaN, 1), /the count of word 3/],
    ["too large", countBytes(2, 3, 0, 2 ** 53, 1), /the count of word 3/],
    ["one fewer", countBytes(2, 3, 0, 5), /5 words, 4 counts/],
    ["one more", countBytes(2, 3, 0, 5, 1, 1), /5 words, 6 counts/],
    ["all zero", countBytes(0, 0, 0, 0, 0), /no word was ever counted/],
    ["missing", undefined, /its counts are missing/],
  ];
  const both: [string, Pick<Parts, "words" | "counts">][] = [
    ["one word fewer", {
      words: wordBytes("<unk>", "<s>", "</s>", "a"),
      counts: countBytes(2, 3, 0, 5),
    }],
    ["one word more", {
      words: wordBytes("<unk>", "<s>", "</s>", "a", "b", "c"),
      counts: countBytes(2, 3, 0, 5, 1, 1),
    }],
  ];
  return [
    ...words.map(([label, bytes, reason]) =>
      damage(`words: ${label}`, reason, (parts) => parts.words = bytes)
    ),
    ...counts.map(([label, bytes, reason]) =>
      damage(`counts: ${label}`, reason, (parts) => parts.counts = bytes)
    ),
    ...both.map(([label, change]) =>
      damage(label, /encoder.weight is \[5,3\], expected/, (parts) => Object.assign(parts, change))
    ),
  ];
}

export function damagedTensors(): Damage[] {
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

export function damagedFiles(): Damage[] {
  const good = fileOf(smallSettings()), { json, start } = headerOf(good), data = good.slice(start);
  const list: Damage[] = [];
  const add = (label: string, reason: RegExp, bytes: Uint8Array<ArrayBuffer>) =>
    list.push({ label, reason, bytes });
  const length = BigInt(start - 8);
  const lengths = [
    0n,
    1n,
    length - 1n,
    length + 4n,
    2n ** 31n,
    2n ** 53n,
    2n ** 63n,
    2n ** 64n - 1n,
  ];
  for (const wrong of lengths) {
    const bytes = good.slice();
    new DataView(bytes.buffer).setBigUint64(0, wrong, true);
    add(`header length ${wrong}`, /not JSON|no safetensors file|at the end belong/, bytes);
  }
  const sizes = [0, 1, 7, 8, 9, 100, start - 1, start, start + 4, good.length - 4, good.length - 1];
  for (const size of sizes) {
    add(`cut to ${size} bytes`, /truncated/, good.slice(0, size));
  }
  for (const extra of [1, 4, 1000]) {
    add(`${extra} bytes more`, /at the end belong to no/, join(good, new Uint8Array(extra)));
  }
  const headers = [
    "",
    " ",
    "null",
    "5",
    '"x"',
    "[]",
    "{",
    `\ufeff${json}`,
    `${json}}`,
    `[${json}]`,
  ];
  for (const text of headers) {
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
