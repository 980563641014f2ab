/** Positions from `from` up to, not including, `to`. */
export interface PositionRange {
  readonly from: number;
  readonly to: number;
}

/** What is wrong with a run of an object's bytes. */
export interface Fault {
  /** From the object's first byte. */
  readonly offset: number;
  readonly length: number;
  readonly message: string;
  /** The events concerned. */
  readonly positions?: PositionRange;
}

/**
 * A verdict on an object, or on a part of it. `lost`: records that were signed and that a restore did not bring
 * back, as an epoch record says; `erased`: bytes that an erasure record names can no longer be
 * read, which is as it should be; `missing`: an object or key is not there; `tampered`: bytes are not those that
 * were written, or something is there that nobody wrote.
 */
export interface Finding {
  readonly kind: 'erased' | 'lost' | 'missing' | 'tampered';
  /** `objects:<key>`, `keys:<key>`, `anchor:<key>` or `rows:<table>`. */
  readonly where: string;
  /** Absent when the whole object is meant, or it is missing. */
  readonly bytes?: { readonly offset: number; readonly length: number };
  readonly positions?: PositionRange;
  readonly message: string;
}

/** Kept in memory and in the report; more are only counted. */
const MAX_FINDINGS = 1_000;

/** Collects findings, passing each on as it is found. */
export class Findings {
  readonly list: Finding[] = [];
  /** How many there were of each kind. */
  readonly counts = { erased: 0, lost: 0, missing: 0, tampered: 0 };
  readonly #listener: ((finding: Finding) => void) | undefined;

  constructor(listener?: (finding: Finding) => void) {
    this.#listener = listener;
  }

  add(finding: Finding): void {
    this.counts[finding.kind]++;
    this.#listener?.(finding);
    if (this.list.length < MAX_FINDINGS) this.list.push(finding);
  }

  missing(where: string, message: string, positions?: PositionRange): void {
    this.add({ kind: 'missing', where, message, ...(positions && { positions }) });
  }

  tampered(where: string, message: string, bytes?: Finding['bytes']): void {
    this.add({ kind: 'tampered', where, message, ...(bytes && { bytes }) });
  }

  fault(where: string, fault: Fault): void {
    const { offset, length, message, positions } = fault;
    this.add({
      kind: 'tampered',
      where,
      message,
      bytes: { offset, length },
      ...(positions && { positions }),
    });
  }
}
