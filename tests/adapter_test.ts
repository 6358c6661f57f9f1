/** The adapter: which backend it has, what people are told of it, and what set-up does without Vulkan. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  adapterLine,
  adapterWarning,
  unusedGpu,
  VULKAN_ADVICE,
} from "../example/shared/adapter.ts";
import { describeAdapter } from "../kernels/device/adapter.ts";
import { isDebian } from "../tools/adapter.ts";
import { withGpu } from "./support/gpu.ts";
import { deno, type Outcome } from "./support/process.ts";

const ROOT = `${import.meta.dirname}/..`;
/** Hides every driver from Vulkan's loader, with the backends that Deno takes by itself. */
const HIDDEN = {
  VK_ICD_FILENAMES: "/nonexistent.json",
  VK_DRIVER_FILES: undefined,
  DENO_WEBGPU_BACKEND: undefined,
};

/** Runs a program of the project in an empty folder. */
async function program(
  path: string,
  args: readonly string[] = [],
  changes: Readonly<Record<string, string | undefined>> = {},
): Promise<Outcome> {
  const folder = await Deno.makeTempDir();
  try {
    const words = ["run", "--quiet", "--no-prompt", "--allow-all", `${ROOT}/${path}`, ...args];
    return await deno(words, folder, changes);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Whether a process finds an adapter with these backends. */
async function finds(backend: string): Promise<boolean> {
  return (await program("tools/adapter.ts", [], { DENO_WEBGPU_BACKEND: backend })).code === 0;
}

Deno.test("adapter.ts finds the Gpu's adapter, with no word on standard error without a display", () =>
  withGpu(async ({ name, software, backend }) => {
    const changes = { XDG_RUNTIME_DIR: undefined };
    const { code, out, err } = await program("tools/adapter.ts", [], changes);
    assertEquals({ code, err }, { code: 0, err: "" });
    assertEquals(JSON.parse(out), { name, software, backend });
    // With all backends, as the tests may have Vulkan alone: OpenGL is what looks for a display.
    const all = { ...changes, DENO_WEBGPU_BACKEND: undefined };
    assertEquals((await program("tools/adapter.ts", [], all)).err, "");
  }));

Deno.test("run_tests.ts runs tests with Vulkan alone where it is the best, and else as it was told", async () => {
  const found = await program("tools/adapter.ts", [], { DENO_WEBGPU_BACKEND: undefined });
  const vulkan = JSON.parse(found.out).backend === "vulkan";
  const folder = await Deno.makeTempDir(), path = `${folder}/tell_test.ts`;
  const told = async (variable: string | undefined) => {
    const { code, out } = await program("tools/run_tests.ts", [path], {
      DENO_WEBGPU_BACKEND: variable,
    });
    assertEquals(code, 0);
    return /^backend: (\S*)$/m.exec(out)?.[1];
  };
  try {
    const body = 'console.log("backend:", Deno.env.get("DENO_WEBGPU_BACKEND"))';
    await Deno.writeTextFile(path, `Deno.test("tell", () => ${body});`);
    assertEquals(await told(undefined), vulkan ? "vulkan" : "undefined");
    assertEquals(await told("gl"), "gl");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("adapter.ts tells Vulkan from OpenGL where Deno is made to take one of them", async () => {
  let found = 0;
  for (const [variable, backend] of [["vulkan", "vulkan"], ["gl", "opengl"], ["metal", "metal"]]) {
    const { code, out } = await program("tools/adapter.ts", [], { DENO_WEBGPU_BACKEND: variable! });
    if (code !== 0) continue;
    assertEquals(JSON.parse(out).backend, backend);
    found++;
  }
  assert(found > 0, "no backend has an adapter");
});

/** An adapter that reports this. */
function fake(info: Record<string, unknown>, ...features: string[]): GPUAdapter {
  const texts = { vendor: "", architecture: "", device: "", description: "" };
  return { info: { ...texts, ...info }, features: new Set(features) } as unknown as GPUAdapter;
}

Deno.test("describeAdapter() knows the backend that an adapter reports, and no other", () => {
  const backendOf = (...args: Parameters<typeof fake>) => describeAdapter(fake(...args)).backend;
  const chromium = { vendor: "nvidia", architecture: "ampere" };
  assertEquals(backendOf(chromium), "unknown");
  for (const backend of ["vulkan", "metal", "d3d12"]) {
    assertEquals(backendOf({ ...chromium, backend }), backend);
  }
  assertEquals(backendOf({ ...chromium, backend: "opengles" }), "opengl");
  assertEquals(backendOf({ ...chromium, backend: "WebGPU" }), "unknown");
  const bounds = { subgroupMinSize: 4, subgroupMaxSize: 128 };
  assertEquals(backendOf({ vendor: "4318", ...bounds }, "timestamp-query"), "opengl");
  // Not OpenGL: a driver with its own subgroups, or with a feature that OpenGL never has.
  assert(backendOf({ vendor: "4318", subgroupMinSize: 32, subgroupMaxSize: 32 }) !== "opengl");
  assert(backendOf({ vendor: "4318", ...bounds }, "bgra8unorm-storage") !== "opengl");
});

Deno.test("adapterLine() says software and backend where they are known", () => {
  const name = "llvmpipe (LLVM 15.0.6, 256 bits)";
  const line = (software: boolean, backend: "vulkan" | "opengl" | "unknown") =>
    adapterLine({ name, software, backend });
  assertEquals(line(true, "vulkan"), `${name} (software, Vulkan)`);
  assertEquals(line(false, "opengl"), `${name} (OpenGL)`);
  assertEquals(line(true, "unknown"), `${name} (software)`);
  assertEquals(line(false, "unknown"), name);
});

const LISTINGS: readonly (readonly [string[], RegExp | undefined])[] = [
  [[], undefined],
  [["/dev/null", "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/dri/card0"], undefined],
  [["/dev/nvidia1"], /NVIDIA GPU \(\/dev\/nvidia1\).*nvidia_icd\.json.*NVIDIA_DRIVER_CAPABILITIES/],
  [["/dev/dri/renderD128", "/dev/nvidia0"], /NVIDIA GPU \(\/dev\/nvidia0\)/],
  [["/dev/dri/card0", "/dev/dri/renderD129"], /\(\/dev\/dri\/renderD129\).*mesa-vulkan-drivers/],
];

Deno.test("unusedGpu() names the device and the cure when a GPU's device is there", () => {
  for (const [devices, expected] of LISTINGS) {
    const said = unusedGpu(devices);
    if (expected === undefined) assertEquals(said, undefined);
    else assertMatch(said ?? "", expected);
  }
});

Deno.test("adapterWarning() warns of OpenGL and of a GPU that Vulkan does not drive, in one line", () => {
  const told = (software: boolean, backend: "vulkan" | "opengl" | "metal", ...devices: string[]) =>
    adapterWarning({ name: "x", software, backend }, devices);
  const nvidia = "/dev/nvidia0", unused = unusedGpu([nvidia]);
  assertEquals(told(false, "vulkan", nvidia), undefined);
  assertEquals(told(false, "metal", nvidia), undefined);
  assertEquals(told(true, "vulkan"), undefined);
  assertEquals(told(true, "vulkan", nvidia), `warning: ${unused}`);
  const software =
    "warning: this is OpenGL, on a software adapter 2 to 20 times slower than Vulkan";
  const hardware = "warning: this is OpenGL, for which no kernel is tuned";
  assertEquals(told(true, "opengl"), `${software}; ${VULKAN_ADVICE}`);
  assertEquals(told(true, "opengl", nvidia), `${software}; ${unused}`);
  assertEquals(told(false, "opengl", nvidia), `${hardware}; ${unused}`);
});

const TINY = "--train --nce --emsize 4 --nhid 4 --nlayers 1 --noise-ratio 5 --epochs 1 " +
  "--data synthetic:words=1000,vocab=100";

Deno.test({
  name: "main.ts goes on with OpenGL and warns once when Vulkan has no driver",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const { code, out, err } = await program("main.ts", TINY.split(" "), HIDDEN);
    if (!await finds("gl")) {
      assertEquals(code, 1);
      assertMatch(err, /^error: No WebGPU (adapter|device).*; install a Vulkan driver .*\n$/m);
      return;
    }
    assertEquals(code, 0, err);
    assertMatch(out, /^adapter {5}.*\bOpenGL\)$/m);
    assertEquals(err.match(/OpenGL/g)?.length, 1);
    assertMatch(err, /^warning: this is OpenGL, .*; install a Vulkan driver .*\n/);
  },
});

Deno.test({
  name: "main.ts and adapter.ts say what is missing where OpenGL has no compute shaders",
  ignore: Deno.build.os !== "linux",
  async fn() {
    if (!await finds("gl")) return; // then the test before looks at it
    // As NVIDIA's driver does, which gives the version that Deno asks for.
    const old = { MESA_GL_VERSION_OVERRIDE: "3.3", MESA_GLSL_VERSION_OVERRIDE: "330" };
    const changes = { ...old, DENO_WEBGPU_BACKEND: "gl" };
    const { code, err } = await program("main.ts", TINY.split(" "), changes);
    assertEquals(code, 1);
    const line = err.trimEnd().split("\n").at(-1)!;
    assertMatch(
      line,
      /^error: No WebGPU device: .* no compute shaders .*; install a Vulkan driver /,
    );
    assertEquals((await program("tools/adapter.ts", [], changes)).code, 1);
  },
});

/** What dpkg-query and apt-get answer, the last saying whether it can install. */
interface Packages {
  readonly installed: boolean;
  readonly aptWorks: boolean;
}

/** Runs set-up without Vulkan's drivers and with a package manager that only acts. */
async function setUpWithoutVulkan({ installed, aptWorks }: Packages) {
  const folder = await Deno.makeTempDir(), log = `${folder}/log`;
  const script = (name: string, body: string) =>
    Deno.writeTextFile(`${folder}/${name}`, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  const status = installed ? "install ok installed" : "unknown ok not-installed";
  await script("dpkg-query", `printf '%s\\n' '${status}' '${status}'`);
  const fails = "echo 'E: Unable to locate package' >&2; exit 100";
  await script("apt-get", `echo "$2" >>'${log}'; ${aptWorks ? "exit 0" : fails}`);
  try {
    await Deno.writeTextFile(log, "");
    const path = `${folder}:${Deno.env.get("PATH")}`;
    const outcome = await program("tools/setup.ts", [], { ...HIDDEN, PATH: path });
    return { ...outcome, called: (await Deno.readTextFile(log)).split("\n").slice(0, -1) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Set-up installs packages on Debian as root only. */
const MAY_INSTALL = Deno.build.os === "linux" && isDebian() && isRoot();

/** Known by whom a new file belongs to, as `Deno.uid()` needs a permission of its own. */
function isRoot(): boolean {
  const file = Deno.makeTempFileSync();
  try {
    return Deno.statSync(file).uid === 0;
  } finally {
    Deno.removeSync(file);
  }
}

/** Checks that set-up fell back to OpenGL for this reason, or failed where there is none. */
async function assertFallsBack({ code, err }: Outcome, reason: string): Promise<void> {
  const last = err.trimEnd().split("\n").at(-1) ?? "";
  const opengl = await finds("gl");
  assertEquals(code, opengl ? 0 : 1);
  assert(last.startsWith(opengl ? "warning: no Vulkan adapter: " : "error: No WebGPU adapter: "));
  assertEquals(/going on with OpenGL, .*2 to 20 times slower than Vulkan$/.test(last), opengl);
  assertStringIncludes(last, reason);
}

Deno.test({
  name: "setup.ts installs nothing and falls back to OpenGL when Vulkan's drivers are hidden",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const outcome = await setUpWithoutVulkan({ installed: true, aptWorks: true });
    assertEquals(outcome.called, []);
    const hidden = "are installed (VK_ICD_FILENAMES=/nonexistent.json names its drivers: unset it)";
    await assertFallsBack(outcome, MAY_INSTALL ? hidden : VULKAN_ADVICE);
  },
});

Deno.test({
  name: "setup.ts warns once where Deno is made to take OpenGL",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const opengl = await finds("gl");
    const { code, err } = await program("tools/setup.ts", [], { DENO_WEBGPU_BACKEND: "gl" });
    assertEquals(code, opengl ? 0 : 1);
    const last = opengl
      ? "warning: DENO_WEBGPU_BACKEND=gl takes OpenGL, .* than Vulkan; unset it"
      : "error: No WebGPU adapter: DENO_WEBGPU_BACKEND=gl finds none; unset it";
    assertMatch(err, new RegExp(`^${last}\n$`));
  },
});

Deno.test({
  name: "setup.ts falls back to OpenGL when apt-get cannot install Vulkan, or in vain",
  ignore: !MAY_INSTALL,
  async fn() {
    const failed = await setUpWithoutVulkan({ installed: false, aptWorks: false });
    assertEquals(failed.called, ["update"]);
    await assertFallsBack(failed, "apt-get update failed: E: Unable to locate package; install a");
    const vain = await setUpWithoutVulkan({ installed: false, aptWorks: true });
    assertEquals(vain.called, ["update", "install"]);
    await assertFallsBack(vain, "there is none though libvulkan1 and mesa-vulkan-drivers are");
  },
});

Deno.test("mod.ts can be imported where there is no WebGPU, and says so when it is asked for a device", async () => {
  const code = `for (const name of Object.getOwnPropertyNames(globalThis)) {
      if (name.startsWith("GPU")) delete globalThis[name];
    }
    Object.defineProperty(navigator, "gpu", { value: undefined });
    const { Gpu, NoAdapterError } = await import("./mod.ts");
    console.log(typeof GPUBufferUsage, await Gpu.create().catch((e) => e instanceof NoAdapterError));`;
  const { code: status, out, err } = await deno(["eval", code], ROOT);
  assertEquals({ status, out, err }, { status: 0, out: "undefined true\n", err: "" });
});
