/** Prints growing texts in order. */

import type { Io } from "../shared/io.ts";

/** A text that grows. */
interface Text {
  readonly words: string[];
  /** Whether it is complete: it ended, or was cut. */
  isDone: boolean;
  /** Whether its sentence ended. */
  hasEnded: boolean;
}

/** Prints texts that grow side by side: a text's words appear once all texts before it are complete. */
export class Printer {
  readonly #io: Io;
  readonly #prompt: readonly string[];
  readonly #json: boolean;
  readonly #texts: readonly Text[];
  /** The first text that is not fully printed, and the number of its printed words. */
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

  /** Adds a word to each incomplete text; a text without a word ends. */
  push(words: readonly (string | undefined)[]): void {
    for (const [i, text] of this.#texts.entries()) {
      if (text.isDone) continue;
      const word = words[i];
      if (word === undefined) text.isDone = text.hasEnded = true;
      else text.words.push(word);
    }
    this.#print();
  }

  /** Cuts the texts at their current length. */
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
