/** Reads the files out of a gzipped tar archive, as npm packs them. */

const BLOCK = 512;
const FILE_TYPES = ["0", ""];
const EXTENDED_HEADER = "x";

/**
 * Unpacks a `.tgz` archive in memory. It must be whole, as one is whose integrity was checked.
 *
 * @returns Contents by path, without folders, links and other special entries.
 */
export async function readTgz(archive: Uint8Array<ArrayBuffer>): Promise<Map<string, Uint8Array>> {
  const unzipped = new Blob([archive]).stream().pipeThrough(new DecompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(unzipped).arrayBuffer());
  const files = new Map<string, Uint8Array>();
  let longPath: string | undefined;
  for (let at = 0; bytes[at]! > 0;) {
    const header = bytes.subarray(at, at + BLOCK);
    const size = parseInt(field(header, 124, 12), 8), type = field(header, 156, 1);
    const data = bytes.subarray(at + BLOCK, at + BLOCK + size);
    if (type === EXTENDED_HEADER) {
      longPath = /\d+ path=(.*)\n/.exec(new TextDecoder().decode(data))?.[1];
    } else {
      if (FILE_TYPES.includes(type)) files.set(longPath ?? path(header), data);
      longPath = undefined;
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}

function path(header: Uint8Array): string {
  const [name, prefix] = [field(header, 0, 100), field(header, 345, 155)];
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** A text field of the header; it ends at its first zero byte. */
function field(header: Uint8Array, start: number, length: number): string {
  const text = new TextDecoder().decode(header.subarray(start, start + length));
  return text.split("\0")[0]!;
}
