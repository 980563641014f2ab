/** What is wrong with a run of an object's bytes. */
export interface Fault {
  /** From the object's first byte. */
  readonly offset: number;
  readonly length: number;
  readonly message: string;
  /** The events concerned: positions from `from` up to, not including, `to`. */
  readonly positions?: PositionRange;
}

export interface PositionRange {
  readonly from: number;
  readonly to: number;
}

/**
 * A verdict on an object, or on a part of it. `erased`: bytes that an erasure record names can no longer be
 * read; `missing`: an object or key is not there; `tampered`: bytes are not those that were written, or an
 * object is there that nobody wrote.
 */
export interface Finding {
  readonly kind: 'erased' | 'missing' | 'tampered';
  /** `objects:log/…`, `keys:…`, `anchor:…` or `rows:<table>`. */
  readonly where: string;
  /** Absent when the whole object is meant, or it is missing. */
  readonly bytes?: { readonly offset: number; readonly length: number };
  readonly positions?: PositionRange;
  readonly message: string;
}
