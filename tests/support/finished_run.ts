/** The files of a finished training run, to compare runs. */

import { ofBytes } from "../../example/shared/files.ts";
import { decodeHeader } from "../../example/storage/safetensors.ts";
import { namesIn } from "./folder.ts";

/** Fields of the record that depend on time: the only ones in which two equal runs may differ. */
const OF_TIME = ["seconds", "tokensPerSecond"];

/** A finished run. */
export interface FinishedRun {
  /** Names of the files. */
  readonly names: readonly string[];
  /** SHA-256 of the model file. */
  readonly model: string;
  /** SHA-256 of the checkpoint's tensors: parameters, moments and deferred steps. */
  readonly checkpoint: string;
  /** The lines of the record, without the fields that depend on time. */
  readonly record: readonly string[];
}

/** Reads the run of `model` in a folder. */
export async function finishedRun(folder: string): Promise<FinishedRun> {
  const bytes = (name: string) => Deno.readFileSync(`${folder}/model.${name}`);
  const checkpoint = bytes("checkpoint.safetensors");
  const { places } = decodeHeader(ofBytes(checkpoint, "checkpoint"));
  const begin = Math.min(...[...places.values()].map((place) => place.begin));
  const lines = new TextDecoder().decode(bytes("metrics.jsonl")).trimEnd().split("\n");
  return {
    names: namesIn(folder),
    model: await sha256(bytes("safetensors")),
    checkpoint: await sha256(checkpoint.subarray(begin)),
    record: lines.map((line) =>
      JSON.stringify(JSON.parse(line), (key, value) => OF_TIME.includes(key) ? undefined : value)
    ),
  };
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
