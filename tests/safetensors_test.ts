// The safetensors format: round trips, layout, and one clear error for each kind of damage.

import { assertEquals, assertThrows } from "@std/assert";
import { Failure } from "../example/errors.ts";
import { decodeSafetensors, encodeSafetensors } from "../example/safetensors.ts";

/** A file with this header and so many bytes of data. */
function file(header: unknown, size = 0, padding = ""): Uint8Array {
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

Deno.test("decodeSafetensors() gives back what encodeSafetensors() was given", () => {
  const tensors = new Map([
    ["encoder.weight", { shape: [2, 3], data: new Float32Array([1, -2, 0.1, NaN, -0, 1e38]) }],
    ["empty", { shape: [0, 5], data: new Float32Array() }],
    ["scalar", { shape: [], data: new Float32Array([7]) }],
    ["__proto__", { shape: [1], data: new Float32Array([8, 9]).subarray(1) }],
  ]);
  const metadata = { words: '["caf\u00e9","\u{1f600}"]', empty: "" };
  assertEquals(decodeSafetensors(encodeSafetensors(tensors, metadata), "x"), { tensors, metadata });
  assertEquals(decodeSafetensors(encodeSafetensors(new Map()), "x"), {
    tensors: new Map(),
    metadata: {},
  });
});

Deno.test("encodeSafetensors() writes the documented layout", () => {
  for (const name of ["a", "ab", "abc", "abcdefgh"]) {
    const data = new Float32Array([1, 2]);
    const bytes = encodeSafetensors(new Map([[name, { shape: [2], data }]]), { k: "v" });
    const view = new DataView(bytes.buffer);
    const length = Number(view.getBigUint64(0, true));
    assertEquals(length % 8, 0);
    assertEquals(bytes.length, 8 + length + 8);
    assertEquals(JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))), {
      __metadata__: { k: "v" },
      [name]: { dtype: "F32", shape: [2], data_offsets: [0, 8] },
    });
    assertEquals([view.getFloat32(8 + length, true), view.getFloat32(12 + length, true)], [1, 2]);
  }
});

Deno.test("encodeSafetensors() throws when a shape and its data disagree", () => {
  const tensors = new Map([["w", { shape: [2, 2], data: new Float32Array(3) }]]);
  assertThrows(() => encodeSafetensors(tensors), TypeError, "w: it is [2,2] but has 3 numbers");
  const reserved = new Map([["__metadata__", { shape: [1], data: new Float32Array(1) }]]);
  assertThrows(() => encodeSafetensors(reserved), TypeError, "cannot be named");
});

Deno.test("decodeSafetensors() reads files of other writers, whatever their alignment", () => {
  const expected = new Float32Array(new Uint8Array([0, 1, 2, 3, 4, 5, 6, 7]).buffer);
  for (const padding of ["", " ", "  ", "   "]) {
    const header = { b: entry([1], [4, 8]), a: entry([1], [0, 4]) };
    const whole = file(header, 8, padding);
    const shifted = new Uint8Array(whole.length + 1);
    shifted.set(whole, 1);
    for (const bytes of [whole, shifted.subarray(1)]) {
      const { tensors, metadata } = decodeSafetensors(bytes, "x");
      assertEquals([...tensors.keys()], ["a", "b"]);
      assertEquals(tensors.get("a")?.data, expected.slice(0, 1));
      assertEquals(tensors.get("b")?.data, expected.slice(1));
      assertEquals(metadata, {});
    }
  }
});

Deno.test("decodeSafetensors() throws one clear Failure for each kind of damage", () => {
  const good = encodeSafetensors(new Map([["w", { shape: [4], data: new Float32Array(4) }]]));
  const huge = good.slice();
  huge.fill(255, 0, 8);
  const cases: [Uint8Array, string][] = [
    [new Uint8Array(), "truncated: 0 bytes"],
    [good.subarray(0, 7), "truncated: 7 bytes"],
    [good.subarray(0, 20), "truncated or no safetensors file"],
    [huge, "truncated or no safetensors file"],
    [good.subarray(0, good.length - 1), "w is at bytes 0 to 16 of 15"],
    [new Uint8Array([...good, 0]), "1 bytes at the end belong to no tensor"],
    [file("{not json"), "its header is not JSON"],
    [file("[]"), "not a JSON object"],
    [file("null"), "not a JSON object"],
    [file({ w: 1 }), "entry w is not a JSON object"],
    [file({ __metadata__: [] }), "metadata is not a JSON object"],
    [file({ __metadata__: { a: 1 } }), "metadata a is not a text"],
    [file({ w: entry([1], [0, 2], "F16") }, 2), 'w is "F16", only "F32" is supported'],
    [file({ w: entry([1], [0, 2], "BF16") }, 2), 'w is "BF16"'],
    [file({ w: entry([-1], [0, 4]) }, 4), "shape of w"],
    [file({ w: entry("1", [0, 4]) }, 4), "shape of w"],
    [file({ w: entry([1], [0]) }, 4), "offsets of w"],
    [file({ w: entry([1], [4, 0]) }, 4), "w is at bytes 4 to 0"],
    [file({ w: entry([1], [4, 8]) }, 4), "w is at bytes 4 to 8 of 4"],
    [file({ w: entry([3], [0, 8]) }, 8), "w is [3] but has 8 bytes"],
    [file({ a: entry([1], [0, 4]), b: entry([1], [2, 6]) }, 6), "b overlap"],
    [file({ a: entry([1], [0, 4]), b: entry([1], [8, 12]) }, 12), "4 bytes before b"],
  ];
  for (const [bytes, message] of cases) {
    assertThrows(() => decodeSafetensors(bytes, "m.safetensors"), Failure, message);
    assertThrows(() => decodeSafetensors(bytes, "m.safetensors"), Failure, "m.safetensors");
  }
});
