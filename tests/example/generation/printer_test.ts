// Printer: texts that grow side by side are printed in order, a word at a time.

import { assertEquals } from "@std/assert";
import { Printer } from "../../../example/generation/printer.ts";
import { captureIo } from "../../support/capture_io.ts";

/** A printer, and what it wrote since the last look. */
function make(prompt: string[], count: number, json = false) {
  let written = "";
  const io = { ...captureIo(), write: (text: string) => void (written += text) };
  const look = () => {
    const text = written;
    written = "";
    return text;
  };
  return { printer: new Printer(io, prompt, count, json), look };
}

Deno.test("the first text appears word by word, further ones as soon as it is complete", () => {
  const { printer, look } = make(["p"], 3);
  printer.push(["a", "d", "g"]);
  assertEquals(look(), "p a");
  printer.push(["b", undefined, "h"]);
  assertEquals(look(), " b");
  printer.push([undefined, "not to be printed", "i"]);
  assertEquals(look(), "\np d\np g h i");
  assertEquals(printer.isDone, false);
  printer.push(["no", "no", "j"]);
  assertEquals(look(), " j");
  printer.cut();
  assertEquals([look(), printer.isDone], ["\n", true]);
});

Deno.test("a text may be empty, with a prompt or without", () => {
  for (const prompt of [[], ["p", "q"]]) {
    const { printer, look } = make(prompt, 2);
    printer.push([undefined, undefined]);
    assertEquals(look(), `${prompt.join(" ")}\n`.repeat(2));
    assertEquals(printer.isDone, true);
  }
  const { printer, look } = make([], 1);
  printer.push(["a"]);
  printer.push(["b"]);
  printer.push([undefined]);
  assertEquals(look(), "a b\n");
});

Deno.test("objects are printed when they are complete, in order, and tell whether the text ended", () => {
  const { printer, look } = make(["p"], 2, true);
  printer.push(["a", undefined]);
  assertEquals(look(), "");
  printer.push(['"', "no"]);
  printer.cut();
  assertEquals(look().trimEnd().split("\n").map((line) => JSON.parse(line)), [
    { prompt: "p", text: 'p a "', ended: false },
    { prompt: "p", text: "p", ended: true },
  ]);
});
