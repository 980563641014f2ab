import { type Predicate, compileFilter } from '#domain/filter/compile';
import type { EventFilter, FilterField } from '#domain/filter/filter';
import { type Term, requiredTerms } from '#domain/filter/required-terms';
import { simplify } from '#domain/filter/simplify';
import type { FilterSubject } from '#domain/filter/subject';

interface Entry<Owner> {
  readonly owner: Owner;
  readonly fits: Predicate;
}

type Bucket<Owner> = Set<Entry<Owner>>;

/**
 * Many filters, asked of one event at a time: only those are evaluated that share a required term with it, or
 * that have none. Costs a look-up per field of the event, however many filters do not fit.
 */
export class FilterIndex<Owner> {
  readonly #byTerm = new Map<FilterField, Map<string, Bucket<Owner>>>();
  readonly #others: Bucket<Owner> = new Set();
  readonly #terms = new Map<Entry<Owner>, readonly Term[]>();

  get size(): number {
    return this.#terms.size;
  }

  /** The returned function takes it out again. */
  add(filter: EventFilter, owner: Owner): () => void {
    const simple = simplify(filter);
    const entry = { owner, fits: compileFilter(simple) };
    const required = requiredTerms(simple);
    this.#terms.set(entry, required?.terms ?? []);
    if (required === undefined) this.#others.add(entry);
    for (const term of required?.terms ?? []) this.#bucket(term).add(entry);
    return () => this.#remove(entry);
  }

  /** The owners of all filters that the event fits, each filter once. */
  matching(subject: FilterSubject): Owner[] {
    const found: Owner[] = [];
    for (const { owner, fits } of this.#others) if (fits(subject)) found.push(owner);
    // An event with several resources may meet a filter by several terms.
    const seen = new Set<Entry<Owner>>();
    for (const [field, buckets] of this.#byTerm) {
      for (const value of subject.values(field)) {
        for (const entry of buckets.get(value) ?? []) {
          if (seen.has(entry)) continue;
          seen.add(entry);
          if (entry.fits(subject)) found.push(entry.owner);
        }
      }
    }
    return found;
  }

  #bucket({ field, value }: Term): Bucket<Owner> {
    const buckets = this.#byTerm.get(field) ?? new Map<string, Bucket<Owner>>();
    this.#byTerm.set(field, buckets);
    const bucket = buckets.get(value) ?? new Set();
    buckets.set(value, bucket);
    return bucket;
  }

  #remove(entry: Entry<Owner>): void {
    this.#others.delete(entry);
    for (const { field, value } of this.#terms.get(entry) ?? []) {
      const buckets = this.#byTerm.get(field);
      const bucket = buckets?.get(value);
      bucket?.delete(entry);
      if (bucket?.size === 0) buckets?.delete(value);
      if (buckets?.size === 0) this.#byTerm.delete(field);
    }
    this.#terms.delete(entry);
  }
}
