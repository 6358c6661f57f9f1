/** Textures that hold floats. */

/** Formats of textures that hold floats, and the bytes of a texel of four: an f16 tensor's copy stays f16. */
export const TEXEL_BYTES = { rgba32float: 16, rgba16float: 8 };
/** A format of {@linkcode TEXEL_BYTES}. */
export type TexelFormat = keyof typeof TEXEL_BYTES;

/** Floats in a texture, four to a texel: _texels.wgsl says how. */
export interface Texels {
  /** The texture, of {@linkcode TEXELS_A_ROW} texels a row. */
  readonly texture: GPUTexture;
  /** Its format. */
  readonly format: TexelFormat;
  /** The whole of it. */
  readonly view: GPUTextureView;
  /** A number that no other texture has: part of the bind group cache's key. */
  readonly id: number;
  /** Gives the texture back to the pool. */
  release(): void;
}

/** Texels in a row of a texture: a power of two, large enough that big tables need few rows. */
export const TEXELS_A_ROW = 4096;

/** A part of a buffer, and its copy as texels. */
export interface TexelCopy {
  /** The copy. */
  readonly texels: Texels;
  /** The part's first byte in the buffer. */
  readonly offset: number;
  /** Bytes of the part. */
  readonly bytes: number;
}

/** Gives back the copies of a buffer's parts, which are wrong or will not be read again. */
export function dropTexels({ copies }: { readonly copies: TexelCopy[] }): void {
  while (copies.length > 0) copies.shift()!.texels.release();
}
