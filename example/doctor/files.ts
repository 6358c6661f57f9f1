/** The three files of a text, before anything is counted: there, readable, and of sentences a line. */

import { basename } from "@std/path";
import { format as formatBytes } from "@std/fmt/bytes";
import { filesOf } from "../data/text_files.ts";
import { formatCount, formatPercent } from "../shared/format.ts";
import { attempted, type Finding, finding } from "./finding.ts";
import { type LineEnds, type Scan, scanFile } from "./scan.ts";

/** The parts of a text. */
const PARTS = ["train", "valid", "test"] as const;
/** Sentences shorter than this repeat in any language. */
const MIN_REPEATED = 5;
/** From here on a line is hardly a sentence. */
const MANY_WORDS = 1000;
/** Part of a test that may be in the training text before its perplexity is too good. */
const MOST_REPEATED = 0.05;

/** Looks at the files of the folder `data`; `stop` findings are those that a run refuses. */
export async function fileFindings(data: string): Promise<Finding[]> {
  const stops: Finding[] = [], scans: Scan[] = [], notes: string[] = [], texts = new Repeats();
  // The training text comes last, so that only the sentences of the others are held.
  for (const part of PARTS.toReversed()) {
    const own = await attempted(stops, "data", `${part}.txt`, () => {
      const paths = filesOf(data, part, notes);
      return Array.fromAsync(paths, (path) => scanFile(path, texts.reader(part)));
    });
    scans.unshift(...own ?? []);
  }
  const known = scans.filter(({ words }) => words > 0); // loading refuses the others
  return [
    ...stops.toReversed(),
    ...notes.map((text) => finding("data", "other files", { text })),
    ...known.length === 0 ? [] : factsOf(known),
    ...stops.length > 0 ? [] : texts.facts(),
  ];
}

function factsOf(scans: readonly Scan[]): Finding[] {
  const each = (value: (scan: Scan) => string) =>
    scans.map((scan) => `${basename(scan.path)} ${value(scan)}`).join(", ");
  const sum = (value: (scan: Scan) => number) => scans.reduce((all, scan) => all + value(scan), 0);
  const names = (isOdd: (scan: Scan) => boolean) => scans.filter(isOdd).map(({ path }) => path);
  const part = scans.some(({ isPart }) => isPart) ? " (the beginning of a large file)" : "";
  const ends = scans.map((scan) => kindsOf(scan.ends));
  const longest = scans.reduce((a, b) => b.longest.words > a.longest.words ? b : a);
  const lines = sum((scan) => scan.lines), blank = sum((scan) => scan.blank);
  const inner = sum((scan) => scan.inner), marked = sum((scan) => scan.marked);
  const others = new Map<string, number>();
  for (const [word, count] of scans.flatMap((scan) => [...scan.otherUnknown])) {
    others.set(word, (others.get(word) ?? 0) + count);
  }
  const replaced = sum((scan) => scan.replaced), decomposed = sum((scan) => scan.decomposed);
  return [
    finding("data", "files", {
      text: each((scan) =>
        `${formatBytes(scan.bytes)}, ${formatCount(scan.lines)} lines${scan.isPart ? " seen" : ""}`
      ),
    }),
    finding("data", "encoding", {
      text: replaced > 0
        ? `UTF-8, but with the replacement character in ${countedLines(replaced)}${part}`
        : decomposed > 0
        ? `UTF-8, but with accents apart from their letters in ${countedLines(decomposed)}${part}`
        : `UTF-8${part}`,
      cure: replaced > 0
        ? "convert the files again from what they were made of"
        : decomposed > 0 && "bring the text to one form (uconv -x any-nfc)",
      figures: { replaced, decomposed },
    }),
    finding("data", "line ends", {
      text: [...new Set(ends.map((kinds) => kinds.join(" and ")))].join("; ") || "none",
      cure: new Set(ends.flat()).size > 1 &&
        `make them all alike (sed -i 's/\\r$//' ${names((scan) => scan.ends.CRLF > 0).join(" ")})`,
    }),
    finding("data", "blank lines", {
      text:
        `${formatCount(blank)} of ${formatCount(lines)} lines (${formatPercent(blank, lines)})` +
        (blank > 0 ? " are learned as sentences without a word" : ""),
      cure: blank > 0 && `sed -i '/^[[:space:]]*$/d' ${names((scan) => scan.blank > 0).join(" ")}`,
      figures: { blank, lines },
    }),
    finding("data", "sentences", {
      text: `${(sum((scan) => scan.words) / lines).toFixed(1)} words on average, at most ` +
        `${formatCount(longest.longest.words)} (${basename(longest.path)}, line ` +
        `${formatCount(longest.longest.line)})`,
      cure: longest.longest.words > MANY_WORDS && "write a sentence a line",
      figures: { longest: longest.longest.words },
    }),
    finding("data", "marks", {
      text: marked + inner === 0 ? "no <s> or </s> in the text" : [
        `<s> or </s> at an end of ${countedLines(marked)}, taken for its marks`,
        ...inner === 0 ? [] : [`between words in ${countedLines(inner)}, learned as a word`],
      ].join("; "),
      cure: inner > 0 && "write a sentence a line, without marks",
      figures: { marked, inner },
    }),
    finding("data", "<unk>", {
      text: others.size > 0
        ? [...others].map(([word, count]) => `${word} ${formatCount(count)}`).join(", ") +
          " times in the text"
        : `${each((scan) => formatCount(scan.unknown))} times in the text`,
      cure: others.size > 0 && "write <unk>, which alone is read as an unknown word",
      figures: { unknown: sum((scan) => scan.unknown) },
    }),
  ];
}

function countedLines(count: number): string {
  return `${formatCount(count)} line${count === 1 ? "" : "s"}`;
}

function kindsOf(ends: LineEnds): (keyof LineEnds)[] {
  return (Object.keys(ends) as (keyof LineEnds)[]).filter((kind) => ends[kind] > 0);
}

/** Sentences of the validation and the test text that the training text has, too. */
class Repeats {
  /** Each sentence, and how often it is in the two texts. */
  readonly #found = { valid: new Map<string, number>(), test: new Map<string, number>() };
  readonly #all = { valid: 0, test: 0 };
  readonly #repeated = { valid: 0, test: 0 };

  /** What receives the sentences of a part; the training text must come last. */
  reader(part: typeof PARTS[number]): (words: readonly string[]) => void {
    return (words) => {
      if (words.length < MIN_REPEATED) return;
      const line = words.join(" ");
      if (part !== "train") {
        this.#found[part].set(line, (this.#found[part].get(line) ?? 0) + 1);
        this.#all[part]++;
        return;
      }
      for (const other of ["valid", "test"] as const) {
        this.#repeated[other] += this.#found[other].get(line) ?? 0;
        this.#found[other].delete(line);
      }
    };
  }

  facts(): Finding[] {
    return (["valid", "test"] as const).map((part) => {
      const [all, repeated] = [this.#all[part], this.#repeated[part]];
      return finding("data", `${part} in train`, {
        text: `${formatCount(repeated)} of the ${formatCount(all)} sentences of ${MIN_REPEATED} ` +
          `words or more in ${part}.txt (${formatPercent(repeated, all)}) are in train.txt, too`,
        cure: repeated > MOST_REPEATED * all &&
          `its perplexity is too good: split by document, or take them out (grep -vxFf train.txt ` +
            `${part}.txt)`,
        figures: { repeated, all },
      });
    });
  }
}
