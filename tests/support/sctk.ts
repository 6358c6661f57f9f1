/** NIST's scoring tools, where they are installed (Debian's package sctk). */

import type { Philox } from "../../kernels/random/philox.ts";

const FOLDER = "/usr/lib/sctk/bin";

/** Whether they are installed. */
export const HAS_SCTK = (() => {
  try {
    return Deno.statSync(`${FOLDER}/sclite`).isFile;
  } catch {
    console.log(`Word errors are not compared with sclite's: there is no ${FOLDER}/sclite`);
    return false;
  }
})();

/** Runs a shell command with the tools in a folder; returns its output. */
export async function shell(folder: string, line: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", `set -e -o pipefail; PATH="${FOLDER}:$PATH"; cd "${folder}"; ${line}`],
  }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (code !== 0) throw new Error(`${line}: ${err}`);
  return out!;
}

/** Sentences in the tools' input format. */
export function transcript(sentences: readonly (readonly string[])[]): string {
  return sentences.map((words, i) => `${words.join(" ")} (s_${String(i).padStart(5, "0")})\n`).join(
    "",
  );
}

/** Sentences of up to `most` of the first `vocab` letters, at least one word each. */
export function sentencesOf(
  random: Philox,
  count: number,
  most: number,
  vocab: number,
): string[][] {
  return Array.from({ length: count }, () => {
    const letters = 1 + random.below(vocab);
    return Array.from({ length: 1 + random.below(most) }, () => letter(random.below(letters)));
  });
}

/** The sentences with random substitutions, deletions and insertions. */
export function noisy(random: Philox, sentences: readonly string[][], rate: number): string[][] {
  const other = () => letter(random.below(10));
  return sentences.map((words) => {
    const changed = words.flatMap((word) => {
      const u = random.uniform() / rate;
      return u < 1 ? [other()] : u < 1.5 ? [] : u < 2 ? [word, other()] : [word];
    });
    return changed.length > 0 ? changed : [words[0]!];
  });
}

function letter(number: number): string {
  return String.fromCharCode(97 + number);
}
