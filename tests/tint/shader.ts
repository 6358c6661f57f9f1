/** A kernel as it is compiled. */
export interface Shader {
  readonly label: string;
  /** WGSL. */
  readonly code: string;
  /** Values of `override` constants. */
  readonly constants: Readonly<Record<string, number>>;
}

/** The kernel with constants in place of `override` constants, and the header that subgroups need. */
export function specialised({ label, code, constants }: Shader): string {
  const text = code.replace(
    /\boverride (\w+): (\w+) = ([^;]+);/g,
    (_, name: string, type: string, initial: string) => {
      const given = constants[name];
      const value = given === undefined ? initial : type === "bool" ? given !== 0 : given;
      return `const ${name}: ${type} = ${value};`;
    },
  );
  if (/^\s*override\b/m.test(text)) {
    throw new Error(`Cannot specialise ${label}: write override NAME: TYPE = VALUE;`);
  }
  const enable = /\bsubgroup\w+\(/.test(code) && !/^enable subgroups;/.test(code);
  return enable ? `enable subgroups; ${text}` : text;
}

/** The kernel with floats of 32 bits in place of those of 16, which Chromium's SwiftShader does not have. */
export function inFullFloats(code: string): string {
  return code.replace(/\benable f16;/, "").replace(/\bf16\b/g, "f32").replace(
    /\bvec([234])h\b/g,
    "vec$1f",
  );
}
