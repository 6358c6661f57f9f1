// Training that is saved and goes on: the program of docs/nce.md in two processes, and layers with noise.

import { assertEquals, assertNotEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import config from "../deno.json" with { type: "json" };
import { type Gpu, IndexLinear } from "../mod.ts";
import { Adagrad, Adam, type Optimizer, SGD } from "../nce/nn/mod.ts";
import { inFolder } from "./support/folder.ts";
import { withGpu } from "./support/gpu.ts";
import { deno } from "./support/process.ts";

const ROOT = new URL("..", import.meta.url);

/** The program of docs/nce.md, which trains so many steps. */
function programOf(steps: number): string {
  const page = Deno.readTextFileSync(new URL("docs/nce.md", ROOT));
  const blocks = [...page.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, block]) => block!);
  const program = blocks.find((block) => block.includes("optimizer.load("))!;
  assertEquals(program.split("number + 50").length, 2);
  return program.replace("number + 50", `number + ${steps}`);
}

/** Runs a program in the current folder by the names that users import; what it printed. */
async function run(program: string): Promise<string> {
  const entries = Object.entries(config.exports).map(([path, file]) => [
    path.replace(".", config.name),
    new URL(file, ROOT).href,
  ]);
  const { unstable } = JSON.parse(Deno.readTextFileSync(fromFileUrl(new URL("deno.json", ROOT))));
  Deno.writeTextFileSync(
    "deno.json",
    JSON.stringify({ imports: Object.fromEntries(entries), unstable }),
  );
  Deno.writeTextFileSync("program.ts", program);
  const flags = ["--no-check", "--quiet", "--allow-read", "--allow-write"];
  const { code, out, err } = await deno(["run", ...flags, "program.ts"], ".");
  assertEquals(code, 0, err);
  return out;
}

Deno.test("the program of docs/nce.md goes on in another process to the same bits", () =>
  inFolder(async () => {
    const path = "checkpoint.v8", twice = [await run(programOf(50)), await run(programOf(50))];
    const found = Deno.readFileSync(path);
    Deno.removeSync(path);
    assertEquals(await run(programOf(100)), twice.join(""));
    assertEquals(Deno.readFileSync(path), found);
  }));

const V = 100, E = 8;
const NOISE = Float32Array.from({ length: V }, (_, y) => 1 / (y + 1));
const X = Float32Array.from({ length: 4 * E }, (_, i) => Math.sin(i));
const OPTIMIZERS: Readonly<Record<string, (gpu: Gpu, layer: IndexLinear) => Optimizer>> = {
  SGD: (gpu, layer) => new SGD(gpu, layer.parameters(), { lr: 0.1, momentum: 0.9 }),
  Adam: (gpu, layer) => new Adam(gpu, layer.parameters(), { lr: 0.1 }),
  Adagrad: (gpu, layer) => new Adagrad(gpu, layer.parameters(), { lr: 0.1 }),
};

function layerOf(gpu: Gpu): IndexLinear {
  const sizes = { embeddingDim: E, numClasses: V };
  return new IndexLinear(gpu, { ...sizes, noise: NOISE, noiseRatio: 10, normTerm: "learned" });
}

function train(gpu: Gpu, layer: IndexLinear, optimizer: Optimizer, from: number): void {
  for (let number = from; number < from + 10; number++) {
    using step = gpu.step({ training: true, number });
    const targets = Uint32Array.from([0, 1, 2, 3], (j) => (7 * number + 13 * j) % V);
    const loss = layer.forward(step, step.upload(targets), step.upload(X, [4, E]));
    optimizer.step(step.backward(loss));
  }
}

Deno.test("a layer goes back to an earlier state, and on to the same bits: from its beginning, and with rows that wait", () =>
  withGpu(async (gpu) => {
    for (const [name, make] of Object.entries(OPTIMIZERS)) {
      using layer = layerOf(gpu), optimizer = make(gpu, layer);
      for (const at of [0, 10]) {
        const saved = await optimizer.save();
        train(gpu, layer, optimizer, at);
        const expected = await layer.save();
        train(gpu, layer, optimizer, 50); // whose updates wait in part
        optimizer.lr = 0.3;
        optimizer.load(saved);
        assertEquals(optimizer.lr, 0.1);
        train(gpu, layer, optimizer, at);
        assertEquals(await layer.save(), expected, `${name} at ${at}`);
      }
    }
  }));

Deno.test("the weights alone are not enough to go on: the optimizer's state is", () =>
  withGpu(async (gpu) => {
    using layer = layerOf(gpu), optimizer = OPTIMIZERS["SGD"]!(gpu, layer);
    train(gpu, layer, optimizer, 0);
    using other = layerOf(gpu), fresh = OPTIMIZERS["SGD"]!(gpu, other);
    other.load(await layer.save());
    for (const at of [10, 20]) {
      train(gpu, layer, optimizer, at);
      train(gpu, other, fresh, at);
    }
    assertNotEquals(await other.save(), await layer.save());
    fresh.load(await optimizer.save());
    train(gpu, layer, optimizer, 30);
    train(gpu, other, fresh, 30);
    assertEquals(await other.save(), await layer.save());
  }));
