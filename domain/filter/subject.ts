import type { IndexedFields } from '#domain/event';
import type { FilterField } from '#domain/filter/filter';
import { parseIp } from '#domain/filter/ip';
import { fieldValues } from '#domain/filter/meaning';

/** One event as many compiled filters look at it: each value is worked out once, and only when one asks. */
export class FilterSubject {
  readonly fields: IndexedFields;
  readonly #readWords: () => ReadonlySet<string>;
  readonly #values = new Map<FilterField, readonly string[]>();
  #words: ReadonlySet<string> | undefined;
  /** Null: not looked for yet. */
  #address: string | undefined | null = null;

  /** `readWords` cuts the record into its words (domain/event-words.ts); it is called once at most. */
  constructor(fields: IndexedFields, readWords: () => ReadonlySet<string>) {
    this.fields = fields;
    this.#readWords = readWords;
  }

  /** As `fieldValues`. */
  values(field: FilterField): readonly string[] {
    const known = this.#values.get(field);
    if (known !== undefined) return known;
    const values = fieldValues(this.fields, field);
    this.#values.set(field, values);
    return values;
  }

  words(): ReadonlySet<string> {
    return (this.#words ??= this.#readWords());
  }

  /** sourceIPAddress as `parseIp` reads it; undefined when it is no address. */
  address(): string | undefined {
    if (this.#address === null) {
      const { sourceIPAddress } = this.fields;
      this.#address = sourceIPAddress === undefined ? undefined : parseIp(sourceIPAddress);
    }
    return this.#address;
  }
}
