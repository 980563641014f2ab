import { hourOf, type Identities } from '#journal/format/identity';
import { monthOf } from '#journal/format/month';
import { int4Array, uuidArray } from '#journal/store/binary-array';
import type { Identity } from '#journal/store/log-store';
import type { NewEvent, Submission } from '#journal/types';

/** The submissions that one batch takes up, as columns: thousands of events without an object for each. */
export class Intake {
  readonly submissions: readonly Submission[];
  readonly events: readonly NewEvent[];
  /** The batch's sources; `sourceOf` indexes them. */
  readonly sources: readonly string[];
  readonly sourceOf: Uint16Array;
  /** Accounts as numbers. */
  readonly accounts: Float64Array;
  /** Months since 1970-01 of the events' times. */
  readonly months: Uint16Array;
  readonly hours: Int32Array;
  /** 16 bytes an event. */
  readonly keys: Buffer;
  /** Content hashes, 8 bytes an event. */
  readonly hashes: Buffer;
  /** The first event of the intake with the same identity: itself, mostly. */
  readonly firstOf: Int32Array;
  /** Whether any identity occurs twice. */
  readonly repeats: boolean;

  constructor(submissions: readonly Submission[], identities: Identities) {
    this.submissions = submissions;
    this.events = submissions.flatMap((submission) => submission.events);
    const count = this.events.length;
    this.sourceOf = new Uint16Array(count);
    this.accounts = new Float64Array(count);
    this.months = new Uint16Array(count);
    this.hours = new Int32Array(count);
    this.keys = Buffer.allocUnsafe(count * 16);
    this.hashes = Buffer.allocUnsafe(count * 8);
    this.firstOf = new Int32Array(count);
    this.sources = this.#takeSources();
    this.#identify(identities);
    this.repeats = this.#findRepeats();
  }

  key(index: number): Buffer {
    return this.keys.subarray(index * 16, index * 16 + 16);
  }

  hash(index: number): Buffer {
    return this.hashes.subarray(index * 8, index * 8 + 8);
  }

  sameHash(a: number, b: number): boolean {
    const { hashes } = this;
    return (
      hashes.readInt32BE(a * 8) === hashes.readInt32BE(b * 8) &&
      hashes.readInt32BE(a * 8 + 4) === hashes.readInt32BE(b * 8 + 4)
    );
  }

  /** A hash as PostgreSQL shows its bigint. */
  hashText(index: number): string {
    return this.hashes.readBigInt64BE(index * 8).toString();
  }

  /** All identities, each once, as look-ups take them; their ordinals are those of `roots`. */
  identities(): { readonly roots: Int32Array; readonly wanted: Identity } {
    const roots = this.firstOf.filter((first, index) => first === index);
    const keys = Buffer.allocUnsafe(roots.length * 16);
    const hours = new Int32Array(roots.length);
    let from = Infinity;
    let to = -Infinity;
    for (let at = 0; at < roots.length; at++) {
      const root = roots[at] ?? 0;
      const hour = this.hours[root] ?? 0;
      this.keys.copy(keys, at * 16, root * 16, root * 16 + 16);
      hours[at] = hour;
      from = Math.min(from, hour);
      to = Math.max(to, hour);
    }
    return { roots, wanted: { hours: int4Array(hours), keys: uuidArray(keys), from, to } };
  }

  #takeSources(): readonly string[] {
    const numbers = new Map<string, number>();
    let at = 0;
    for (const { source, events } of this.submissions) {
      const number = numbers.get(source) ?? numbers.size;
      numbers.set(source, number);
      this.sourceOf.fill(number, at, at + events.length);
      at += events.length;
    }
    return [...numbers.keys()];
  }

  #identify(identities: Identities): void {
    let lastHour = -1;
    let lastMonth = 0;
    for (const [index, event] of this.events.entries()) {
      const account = Number(event.account);
      const hour = hourOf(event.eventTime);
      if (hour !== lastHour) lastMonth = monthOf(event.eventTime);
      lastHour = hour;
      this.accounts[index] = account;
      this.hours[index] = hour;
      this.months[index] = lastMonth;
      identities.identityKey(account, event.eventId, this.keys, index * 16);
      identities.contentHash(event.raw, this.hashes, index * 8);
    }
  }

  #findRepeats(): boolean {
    const seen = new Map<string, number>();
    for (let index = 0; index < this.events.length; index++) {
      const name = `${this.keys.toString('latin1', index * 16, index * 16 + 16)}${this.hours[index]}`;
      const first = seen.get(name);
      if (first === undefined) seen.set(name, index);
      this.firstOf[index] = first ?? index;
    }
    return seen.size < this.events.length;
  }
}
