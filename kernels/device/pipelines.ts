/** Compiled kernels, cached by everything that changes their code, and the packing of their uniforms. */

import { expectFinite, show } from "./expect.ts";
import type { Faults } from "./faults.ts";
import type { TexelFormat } from "./texels.ts";
import grid from "./_grid.wgsl" with { type: "text" };

/** A kernel's WGSL and how to specialise it: the part of a launch that is compiled. */
export interface KernelCode {
  /** Operation name, in errors and profiles. */
  readonly label: string;
  /** WGSL text; the device appends _grid.wgsl. */
  readonly source: string;
  /** Entry point; `main` unless given. */
  readonly entry?: string;
  /** Values of the kernel's `override` constants. */
  readonly constants?: Record<string, number>;
  /** Whether the kernel uses subgroup operations. */
  readonly subgroups?: boolean;
}

/** A compiled kernel. */
export interface Kernel {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  /** Layout of the texels that are read and written, if any. */
  readonly texelLayout: GPUBindGroupLayout | undefined;
  readonly params: readonly UniformField[];
}

/** How many bindings of each kind a kernel has. */
export interface BindingCounts {
  readonly inputs: number;
  readonly outputs: number;
  /** Formats of the tensors read as texels. */
  readonly texels: readonly TexelFormat[];
  /** Tensors whose texels are written. */
  readonly texelsOut: number;
}

/** One field of a kernel's `struct Params`. */
export interface UniformField {
  readonly name: string;
  readonly type: "u32" | "i32" | "f32";
}

/** Thrown when a kernel does not compile; the message has line and column. */
export class KernelCompileError extends Error {
  /** The operation whose kernel failed. */
  readonly op: string;

  /** Names the operation and gives the compiler's message. */
  constructor(op: string, reason: string) {
    super(`Cannot compile the kernel of ${op}: ${reason}`);
    this.name = "KernelCompileError";
    this.op = op;
  }
}

/** WGSL with each comment replaced by a space; block comments must not be nested. */
export function withoutComments(source: string): string {
  return source.replace(/\/\/[^\n\v\f\r\u0085\u2028\u2029]*|\/\*[^]*?\*\//g, " ");
}

/** Fields of `struct Params { ... }` of `op`, in order; empty if the kernel takes no uniform. */
export function uniformFields(source: string, op = "a kernel"): UniformField[] {
  const body = /struct\s+Params\s*\{([^}]*)\}/.exec(withoutComments(source))?.[1] ?? "";
  return [...body.matchAll(/(\w+)\s*:\s*([\w<>]+)/g)].map(([, name, type]) => {
    if (type !== "u32" && type !== "i32" && type !== "f32") {
      const found = `uniform field ${name} is a ${type}`;
      throw new TypeError(
        `Cannot run ${op}: ${found}, not a u32, i32 or f32; make it several fields`,
      );
    }
    return { name: name!, type };
  });
}

/** WGSL with these fields before those of its `struct Params`. */
export function withFields(
  source: string,
  names: readonly string[],
  type: UniformField["type"],
): string {
  const fields = names.map((name) => `  ${name}: ${type},\n`).join("");
  return source.replace("struct Params {\n", (begin) => begin + fields);
}

/** Writes `values` at `byte` of `view` in the order and types of `fields`. */
export function packUniform(
  op: string,
  fields: readonly UniformField[],
  values: Record<string, number>,
  view: DataView,
  byte: number,
): void {
  if (Object.keys(values).length !== fields.length) throw wrongFields(op, fields, values);
  for (const { name, type } of fields) {
    const value = values[name];
    if (value === undefined) throw wrongFields(op, fields, values);
    const fits = type === "u32"
      ? value >>> 0 === value
      : type === "i32"
      ? (value | 0) === value
      : true;
    if (typeof value !== "number" || !fits) {
      throw new TypeError(
        `Cannot run ${op}: uniform field ${name} is ${show(value)}, not a ${type}`,
      );
    }
    if (type === "f32") view.setFloat32(byte, value, true);
    else view.setUint32(byte, value, true);
    byte += 4;
  }
}

function wrongFields(
  op: string,
  fields: readonly UniformField[],
  values: Record<string, number>,
): TypeError {
  const own = Object.keys(values).filter((name) => values[name] !== undefined).join() || "nothing";
  const names = fields.map(({ name }) => name).join() || "nothing, as there is no struct Params";
  return new TypeError(`Cannot run ${op}: uniform has ${own}, expected ${names}`);
}

/** The compiler's `reason`, and if it is about bindings, those of the launch, which it tells in its own terms. */
function bindingsFor(reason: string, inputs: number, outputs: number): string {
  if (!/binding/i.test(reason)) return reason;
  const read = `${inputs} inputs, read in group 0 from binding 0 on`;
  const written = `${outputs} outputs, read_write from binding ${inputs} on`;
  return `the launch has ${read}, and ${written}; ${reason}`;
}

/** A kernel, and what it was compiled of besides the source. */
interface Variant extends BindingCounts {
  readonly entry: string;
  readonly subgroups: boolean;
  readonly constants: Record<string, number>;
  readonly kernel: Kernel;
}

/** Whether `known` is what `code`, of the same source, compiles to. Asked at every launch. */
function isVariant(
  known: Variant,
  { entry = "main", subgroups = false, constants = NONE }: KernelCode,
  { inputs, outputs, texels, texelsOut }: BindingCounts,
): boolean {
  return known.inputs === inputs && known.outputs === outputs && known.texelsOut === texelsOut &&
    known.entry === entry && known.subgroups === subgroups &&
    known.texels.length === texels.length &&
    known.texels.every((format, i) => format === texels[i]) &&
    hasAll(known.constants, constants) && hasAll(constants, known.constants);
}

const NONE: Record<string, number> = {};

/** Whether `values` has all of `others`. */
function hasAll(values: Record<string, number>, others: Record<string, number>): boolean {
  for (const name in others) if (values[name] !== others[name]) return false;
  return true;
}

/** Compiles kernels and keeps them for the life of the device. */
export class PipelineCache {
  readonly #device: GPUDevice;
  readonly #uniformLayout: GPUBindGroupLayout;
  readonly #subgroupHeader: string;
  readonly #bySource = new Map<string, Variant[]>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  readonly #faults: Faults;

  /** `subgroupHeader` is prefixed to kernels that use subgroups ("enable subgroups;" or nothing). */
  constructor(
    device: GPUDevice,
    faults: Faults,
    uniformLayout: GPUBindGroupLayout,
    subgroupHeader: string,
  ) {
    this.#device = device;
    this.#faults = faults;
    this.#uniformLayout = uniformLayout;
    this.#subgroupHeader = subgroupHeader;
  }

  /** The compiled kernel for `code` with these bindings; an error in it is reported later, as a fault. */
  get(code: KernelCode, counts: BindingCounts): Kernel {
    let variants = this.#bySource.get(code.source);
    if (!variants) this.#bySource.set(code.source, variants = []);
    for (const known of variants) if (isVariant(known, code, counts)) return known.kernel;
    const kernel = this.#compile(code, counts);
    const { entry = "main", subgroups = false, constants } = code; // a launch also has tensors
    variants.push({ ...counts, entry, subgroups, constants: { ...constants }, kernel });
    return kernel;
  }

  #compile(code: KernelCode, { inputs, outputs, texels, texelsOut }: BindingCounts): Kernel {
    for (const [name, value] of Object.entries(code.constants ?? {})) {
      expectFinite(`run ${code.label}`, name, value);
    }
    const params = uniformFields(code.source, code.label);
    const layout = this.#layout(
      `${inputs}/${outputs}`,
      (binding) => ({ buffer: { type: binding < inputs ? "read-only-storage" : "storage" } }),
      inputs + outputs,
    );
    const texelLayout = texels.length + texelsOut === 0 ? undefined : this.#layout(
      `texels ${texels}/${texelsOut}`,
      (binding) => ({
        storageTexture: {
          access: binding < texels.length ? "read-only" : "write-only",
          format: texels[binding] ?? "rgba32float",
        },
      }),
      texels.length + texelsOut,
    );
    const { pipeline } = this.#faults.watch(
      "validation",
      () =>
        this.#pipeline(code, [layout, this.#uniformLayout, ...texelLayout ? [texelLayout] : []]),
      async (error, { module }) => {
        const { messages } = await module.getCompilationInfo();
        const lines = messages.filter(({ type }) => type === "error")
          .map((m) => `line ${m.lineNum}:${m.linePos} ${m.message.trim()}`);
        const reason = lines.join("; ") || bindingsFor(error.message, inputs, outputs);
        return new KernelCompileError(code.label, reason);
      },
    );
    return { pipeline, layout, texelLayout, params };
  }

  #pipeline(code: KernelCode, bindGroupLayouts: GPUBindGroupLayout[]) {
    const module = this.#device.createShaderModule({
      label: code.label,
      code: `${code.subgroups ? this.#subgroupHeader : ""}${code.source}\n${grid}`,
    });
    const pipeline = this.#device.createComputePipeline({
      label: code.label,
      layout: this.#device.createPipelineLayout({ bindGroupLayouts }),
      compute: {
        module,
        entryPoint: code.entry ?? "main",
        ...(code.constants && { constants: code.constants }),
      },
    });
    return { module, pipeline };
  }

  #layout(
    label: string,
    entry: (binding: number) => Pick<GPUBindGroupLayoutEntry, "buffer" | "storageTexture">,
    count: number,
  ): GPUBindGroupLayout {
    let layout = this.#layouts.get(label);
    if (!layout) {
      const entries = Array.from({ length: count }, (_, binding) => {
        return { binding, visibility: GPUShaderStage.COMPUTE, ...entry(binding) };
      });
      layout = this.#device.createBindGroupLayout({ label, entries });
      this.#layouts.set(label, layout);
    }
    return layout;
  }
}
