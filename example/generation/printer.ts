/** Prints texts in order as they grow. */

import type { Io } from "../shared/io.ts";

/** A text that grows. */
interface Text {
  readonly words: string[];
  /** Whether it is complete: it ended, or is cut. */
  isDone: boolean;
  /** Whether it came to the end of its sentence. */
  hasEnded: boolean;
}

/** Prints texts that grow side by side: each word as soon as all texts before it are complete. */
export class Printer {
  readonly #io: Io;
  readonly #prompt: readonly string[];
  readonly #json: boolean;
  readonly #texts: readonly Text[];
  /** The first text that is not printed whole, and how many of its words are. */
  #text = 0;
  #words = 0;

  /** All texts begin with the words of `prompt`; with `json`, each is an object when it is complete. */
  constructor(io: Io, prompt: readonly string[], count: number, json: boolean) {
    this.#io = io;
    this.#prompt = prompt;
    this.#json = json;
    this.#texts = Array.from({ length: count }, () => {
      return { words: [...prompt], isDone: false, hasEnded: false };
    });
  }

  /** Whether all texts are complete. */
  get isDone(): boolean {
    return this.#texts.every(({ isDone }) => isDone);
  }

  /** Adds a word to each text that is not complete; one without a word ends there. */
  push(words: readonly (string | undefined)[]): void {
    for (const [i, text] of this.#texts.entries()) {
      if (text.isDone) continue;
      const word = words[i];
      if (word === undefined) text.isDone = text.hasEnded = true;
      else text.words.push(word);
    }
    this.#print();
  }

  /** Cuts the texts where they are. */
  cut(): void {
    for (const text of this.#texts) text.isDone = true;
    this.#print();
  }

  #print(): void {
    for (; this.#text < this.#texts.length; this.#text++, this.#words = 0) {
      const text = this.#texts[this.#text]!;
      if (this.#json && !text.isDone) return;
      this.#io.write(this.#json ? this.#object(text) : this.#newWords(text));
      if (!text.isDone) return;
    }
  }

  #object({ words, hasEnded }: Text): string {
    const [prompt, text] = [this.#prompt.join(" "), words.join(" ")];
    return `${JSON.stringify({ prompt, text, ended: hasEnded })}\n`;
  }

  #newWords({ words, isDone }: Text): string {
    const fresh = words.slice(this.#words), before = this.#words > 0 && fresh.length > 0 ? " " : "";
    this.#words = words.length;
    return before + fresh.join(" ") + (isDone ? "\n" : "");
  }
}
