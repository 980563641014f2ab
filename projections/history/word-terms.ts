import { textWords } from '#domain/event-words';
import { wordTerm } from '#projections/history/terms';

/** Texts whose words are kept; most texts of a record were in many before it. */
const CACHE_TEXTS = 20_000;
const CACHE_TEXT_CHARS = 256;
const CACHE_WORDS = 100_000;

interface Word {
  readonly term: string;
  /** The record that has it already. */
  record: number;
}

/** The word terms of records, each once a record; what was cut once is remembered. */
export class WordTerms {
  readonly #texts = new Map<string, readonly Word[]>();
  readonly #words = new Map<string, Word>();
  #record = 0;

  nextRecord(): void {
    this.#record += 1;
  }

  /** Adds the terms of the text that the record does not have yet. */
  add(terms: string[], text: string): void {
    for (const word of this.#texts.get(text) ?? this.#cut(text)) {
      if (word.record === this.#record) continue;
      word.record = this.#record;
      terms.push(word.term);
    }
  }

  #cut(text: string): readonly Word[] {
    const words = Array.from(textWords(text), (word) => this.#word(word));
    if (text.length <= CACHE_TEXT_CHARS) {
      if (this.#texts.size >= CACHE_TEXTS) this.#texts.clear();
      this.#texts.set(text, words);
    }
    return words;
  }

  #word(word: string): Word {
    const known = this.#words.get(word);
    if (known !== undefined) return known;
    const made: Word = { term: wordTerm(word), record: 0 };
    // A word that is forgotten here may be given twice in one record, which counts once.
    if (this.#words.size >= CACHE_WORDS) this.#words.clear();
    this.#words.set(word, made);
    return made;
  }
}
