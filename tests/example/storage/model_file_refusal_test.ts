// Damaged model files, and others that are not of this program: each gives one line that says why.

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { loadModel } from "../../../example/storage/saved_model.ts";
import { Failure } from "../../../example/shared/errors.ts";
import { decodeModel } from "../../../example/storage/model_file.ts";
import { ofBytes } from "../../../example/shared/files.ts";
import type { Gpu } from "../../../mod.ts";
import { inFolder } from "../../support/folder.ts";
import { withGpu } from "../../support/gpu.ts";
import { damagedModels } from "../../support/model_damage.ts";
import { fileOf, headerOf, smallSettings, withHeader } from "../../support/model_files.ts";

/** What loading `path` throws, after checking that it is one line and that nothing is left on the GPU. */
function refusal(gpu: Gpu, path: string): string {
  const before = gpu.memory, start = `Cannot load ${path}: `;
  const error = assertThrows(() => loadModel(gpu, path), Failure);
  assert(error.message.startsWith(start), error.message);
  assertMatch(error.message, /^[^\p{Cc}\u2028\u2029]{1,500}$/u);
  assertEquals(gpu.memory, before);
  return error.message.slice(start.length);
}

Deno.test("loadModel() refuses each of many damaged files with one line that says why", () =>
  inFolder((folder) =>
    withGpu((gpu) => {
      const damaged = damagedModels(), path = `${folder}/m.safetensors`;
      assert(new Set(damaged.map(({ bytes }) => bytes.join())).size >= 230);
      Deno.writeFileSync(path, fileOf(smallSettings()));
      loadModel(gpu, path).model.dispose();
      for (const { label, bytes, reason } of damaged) {
        Deno.writeFileSync(path, bytes);
        assertMatch(refusal(gpu, path), reason, label);
      }
    })
  ));

Deno.test("decodeModel() refuses two tables as a tied one, and a tied one as two", () => {
  for (const tied of [false, true]) {
    const good = fileOf(smallSettings({ tied })), { json, start } = headerOf(good);
    const setting = String.raw`\"tied\":`,
      other = json.replace(
        `${setting}${tied}`,
        `${setting}${!tied}`,
      );
    assert(other !== json);
    const refused = withHeader(other, good.slice(start));
    assertThrows(
      () => decodeModel(ofBytes(refused, "m")),
      Failure,
      tied
        ? "Cannot load m: it has no encoder.weight"
        : "Cannot load m: its tensor encoder.weight belongs to no such model",
    );
  }
});

Deno.test("decodeModel() refuses a file when any one byte of its header is no ASCII any longer", () => {
  const good = fileOf(smallSettings({ "norm-term": "9" }));
  const { start } = headerOf(good);
  for (let at = 8; at < start; at++) {
    const bytes = good.slice();
    bytes[at]! ^= 0x80;
    assertThrows(() => decodeModel(ofBytes(bytes, "m")), Failure, "Cannot load m: ", `byte ${at}`);
  }
});

Deno.test("loadModel() refuses what is no file, cannot be read, or is far too long", () =>
  inFolder((folder) =>
    withGpu((gpu) => {
      const path = (name: string) => `${folder}/${name}`;
      Deno.mkdirSync(path("folder"));
      assertEquals(refusal(gpu, path("folder")), "it is a folder, not a file");
      Deno.symlinkSync("/dev/zero", path("endless"));
      assertEquals(refusal(gpu, path("endless")), "it is something else, not a file");
      Deno.symlinkSync(path("loop"), path("loop"));
      assertMatch(refusal(gpu, path("loop")), /symbolic links/);
      // Sparse: the file system stores none of it.
      Deno.writeFileSync(path("long"), fileOf(smallSettings()));
      Deno.truncateSync(path("long"), 2 ** 36);
      assertMatch(refusal(gpu, path("long")), /^\d+ bytes at the end belong to no tensor$/);
      assertThrows(
        () => loadModel(gpu, path("none")),
        Failure,
        `There is no model ${path("none")}: train it with --train, or name another by --save`,
      );
    })
  ));

Deno.test("loadModel() refuses a file that may not be read", () =>
  inFolder((folder) =>
    withGpu((gpu) => {
      const path = `${folder}/m.safetensors`;
      Deno.writeFileSync(path, fileOf(smallSettings()));
      Deno.chmodSync(path, 0);
      if (mayRead(path)) loadModel(gpu, path).model.dispose(); // permissions do not bind root
      else assertMatch(refusal(gpu, path), /[Pp]ermission denied/);
    })
  ));

function mayRead(path: string): boolean {
  try {
    Deno.readFileSync(path);
    return true;
  } catch {
    return false;
  }
}

Deno.test("loadModel() refuses a model whose noise cannot be made, and frees what it made", () =>
  inFolder((folder) =>
    withGpu((gpu) => {
      const path = `${folder}/m.safetensors`;
      const unique = { loss: "sampled", "norm-term": "9", unique: true, "noise-ratio": "6" };
      Deno.writeFileSync(path, fileOf(smallSettings(unique)));
      assertMatch(refusal(gpu, path), /Cannot draw 6 different ones of 5 classes/);
    })
  ));

Deno.test("loadModel() refuses a layer that the device cannot bind, before reading it, but no table of words", () =>
  inFolder((folder) =>
    withGpu((gpu) => {
      const path = `${folder}/m.safetensors`, file = fileOf(smallSettings());
      Deno.writeFileSync(path, file);
      const small: Gpu = Object.create(gpu, { maxTensorBytes: { value: 48 } });
      const error = assertThrows(() => loadModel(small, path), Failure);
      const { json: header, start } = headerOf(file);
      const reason = "rnn.weight_ih_l0 [8,3] has 96 bytes, and this device binds at most 48";
      assertEquals(error.message, `Cannot load ${path}: ${reason}`);
      const source = {
        name: path,
        size: file.length,
        read(begin: number, end: number): Uint8Array<ArrayBuffer> {
          const { data_offsets: [first] } = JSON.parse(header)["encoder.weight"];
          const isVocabulary = begin < start + first || end === file.length;
          assert(isVocabulary, "a parameter was read");
          return file.slice(begin, end);
        },
      };
      assertThrows(() => decodeModel(source, 48), Failure, reason);
    })
  ));
