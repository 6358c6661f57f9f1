// The safetensors format: round trips, layout, and one clear error for each kind of damage.

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Failure } from "../../../example/shared/errors.ts";
import { ofBytes } from "../../../example/shared/files.ts";
import { decodeHeader, encodeHeader } from "../../../example/storage/safetensors.ts";
import { floatsOf } from "../../../example/storage/tensors.ts";

/** A tensor: `data` in row-major order. */
interface SafeTensor {
  shape: number[];
  data: Float32Array;
}

/** The whole file of these tensors. */
function encode(
  tensors: ReadonlyMap<string, SafeTensor>,
  metadata: Record<string, string> = {},
): Uint8Array<ArrayBuffer> {
  const header = encodeHeader([...tensors].map(([name, { shape }]) => [name, shape]), metadata);
  const data = [...tensors.values()].map((
    { data },
  ) => [...new Uint8Array(Float32Array.from(data).buffer)]);
  return new Uint8Array([...header, ...data.flat()]);
}

/** All that a file holds. */
function decode(bytes: Uint8Array<ArrayBuffer>, name = "x") {
  const file = ofBytes(bytes, name), { places, metadata } = decodeHeader(file);
  const tensors = new Map<string, SafeTensor>();
  for (const [name, place] of places) {
    const source = floatsOf(file, place);
    tensors.set(name, { shape: [...place.shape], data: source.read(0, source.size) });
  }
  return { tensors, metadata };
}

/** A file with this header and so many bytes of data. */
function file(header: unknown, size = 0, padding = ""): Uint8Array<ArrayBuffer> {
  const json = typeof header === "string" ? header : JSON.stringify(header);
  const text = new TextEncoder().encode(json + padding);
  const bytes = new Uint8Array(8 + text.length + size);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  for (let i = 0; i < size; i++) bytes[8 + text.length + i] = i;
  return bytes;
}

const entry = (shape: unknown, data_offsets: unknown, dtype = "F32") => ({
  dtype,
  shape,
  data_offsets,
});

Deno.test("a file gives back what was written to it", () => {
  const tensors = new Map([
    ["encoder.weight", { shape: [2, 3], data: new Float32Array([1, -2, 0.1, NaN, -0, 1e38]) }],
    ["empty", { shape: [0, 5], data: new Float32Array() }],
    ["scalar", { shape: [], data: new Float32Array([7]) }],
    ["__proto__", { shape: [1], data: new Float32Array([9]) }],
  ]);
  const metadata = { words: '["caf\u00e9","\u{1f600}"]', empty: "" };
  assertEquals(decode(encode(tensors, metadata)), { tensors, metadata });
  assertEquals(decode(encode(new Map())), { tensors: new Map(), metadata: {} });
});

Deno.test("encodeHeader() writes the documented layout", () => {
  for (const name of ["a", "ab", "abc", "abcdefgh"]) {
    const header = encodeHeader([[name, [2]], ["z", []]], { k: "v" });
    const length = Number(new DataView(header.buffer).getBigUint64(0, true));
    assertEquals(length % 8, 0);
    assertEquals(header.length, 8 + length);
    assertEquals(JSON.parse(new TextDecoder().decode(header.subarray(8))), {
      __metadata__: { k: "v" },
      [name]: { dtype: "F32", shape: [2], data_offsets: [0, 8] },
      z: { dtype: "F32", shape: [], data_offsets: [8, 12] },
    });
  }
});

Deno.test("encodeHeader() throws when readers would refuse the file", () => {
  assertThrows(() => encodeHeader([["__metadata__", [1]]]), TypeError, "cannot be named");
  const text = "x".repeat(100_000_000);
  assertThrows(() => encodeHeader([], { text }), RangeError, "above 100000000");
});

Deno.test("decodeHeader() reads files of other writers, whatever their alignment", () => {
  const expected = new Float32Array(new Uint8Array([0, 1, 2, 3, 4, 5, 6, 7]).buffer);
  for (const padding of ["", " ", "  ", "   "]) {
    const header = { b: entry([1], [4, 8]), a: entry([1], [0, 4]) };
    const whole = file(header, 8, padding);
    const shifted = new Uint8Array(whole.length + 1);
    shifted.set(whole, 1);
    for (const bytes of [whole, shifted.subarray(1)]) {
      const { tensors, metadata } = decode(bytes);
      assertEquals([...tensors.keys()], ["a", "b"]);
      assertEquals(tensors.get("a")?.data, expected.slice(0, 1));
      assertEquals(tensors.get("b")?.data, expected.slice(1));
      assertEquals(metadata, {});
    }
  }
});

/** The bytes of characters up to U+00FF. */
function latin(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

Deno.test("decodeHeader() throws one clear Failure for each kind of damage", () => {
  const good = encode(new Map([["w", { shape: [4], data: new Float32Array(4) }]]));
  const huge = good.slice();
  huge.fill(255, 0, 8);
  const cases: [Uint8Array<ArrayBuffer>, string][] = [
    [new Uint8Array(), "truncated: it has 0 bytes"],
    [good.subarray(0, 7), "truncated: it has 7 bytes"],
    [good.subarray(0, 20), "truncated or no safetensors file"],
    [huge, "a header of 18446744073709551615 bytes in a file of 104"],
    [good.subarray(0, good.length - 1), "w is at bytes 0 to 16 of 15"],
    [new Uint8Array([...good, 0]), "1 bytes at the end belong to no tensor"],
    [latin("PK\x03\x04\0\0\x08\b and so on"), "a file of torch.save; save the state_dict as safe"],
    [latin("\x80\x02\x8a\nl\xfc\x9cF\xf9 and so on"), "a file of torch.save; save the state_dict"],
    [latin("\x80\x02\0\0\0\0\0\0{"), "truncated or no safetensors file: a header of 640 bytes"],
    [file("{not json"), "its header is not JSON"],
    [file("[]"), "not a JSON object"],
    [file("null"), "not a JSON object"],
    [file({ w: 1 }), "entry w is not a JSON object"],
    [file({ __metadata__: [] }), "metadata is not a JSON object"],
    [file({ __metadata__: { a: 1 } }), "metadata a is not a text"],
    [
      file({ w: entry([1], [0, 2], "F16") }, 2),
      "w is F16, not F32; PyTorch's .float() converts it",
    ],
    [file({ w: entry([1], [0, 2], "BF16") }, 2), "w is BF16, not F32; PyTorch's"],
    [file({ w: entry([1], [0, 8], "I64") }, 8), "w is I64, not F32"],
    [file(`{"w":{"dtype":${"[".repeat(1e5)}${"]".repeat(1e5)}}}`), "w is of no dtype"],
    [file({ w: entry([-1], [0, 4]) }, 4), "shape of w"],
    [file({ w: entry("1", [0, 4]) }, 4), "shape of w"],
    [file({ w: entry([1], [0]) }, 4), "offsets of w"],
    [file({ w: entry([1], [4, 0]) }, 4), "w is at bytes 4 to 0"],
    [file({ w: entry([1], [4, 8]) }, 4), "w is at bytes 4 to 8 of 4"],
    [file({ w: entry([3], [0, 8]) }, 8), "w is [3] but has 8 bytes"],
    [file({ w: entry([1], [0, 8]) }, 8), "w is [1] but has 8 bytes"],
    [file({ w: entry([0.5], [0, 2]) }, 2), "shape of w"],
    [file({ a: entry([1], [0, 4]), b: entry([1], [2, 6]) }, 6), "b overlap"],
    [file({ a: entry([1], [0, 4]), b: entry([1], [8, 12]) }, 12), ": 4 bytes before b"],
  ];
  for (const [bytes, message] of cases) {
    const error = assertThrows(() => decode(bytes, "m.safetensors"), Failure, message);
    assertMatch(error.message, /^Cannot load m\.safetensors: .+$/);
  }
});

Deno.test("decodeHeader() quotes what it found on one line of bounded length", () => {
  const name = "\u001b[31m\n\u2028" + "long".repeat(1000);
  const error = assertThrows(() => decode(file({ [name]: 1 })), Failure, "long");
  assertMatch(error.message, /^[^\p{Cc}\u2028]{1,400}$/u);
});
