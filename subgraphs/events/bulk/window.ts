const SLAB = 1 << 20;

/**
 * The bytes that a splitter has not finished with, as one piece. What was cut out of it stays valid: bytes are
 * appended behind, never overwritten, and an unfinished element moves to a larger slab at most once per
 * doubling, so that a body which comes byte by byte costs no more than one which comes at once.
 */
export class Window {
  bytes: Buffer = Buffer.alloc(0);
  /** The same, up to `end`. */
  filled: Buffer = this.bytes;
  /** Index behind the last byte that was received. */
  end = 0;
  /** Index of the next byte to look at. */
  position = 0;
  /** Index of the first byte of the element being read; -1 when its bytes need not be kept. */
  start = -1;
  private dropped = 0;
  private owned = false;

  /** Offset in the whole body of the next byte to look at. */
  get offset(): number {
    return this.dropped + this.position;
  }

  append(chunk: Buffer): void {
    const keep = this.start === -1 ? this.position : this.start;
    const pending = this.end - keep;
    if (pending === 0) {
      this.replace(chunk, chunk.length, keep, false);
      this.filled = chunk;
      return;
    }
    if (!this.owned || this.end + chunk.length > this.bytes.length) {
      const slab = Buffer.allocUnsafeSlow(Math.max(SLAB, 2 * (pending + chunk.length)));
      this.bytes.copy(slab, 0, keep, this.end);
      this.replace(slab, pending, keep, true);
    }
    chunk.copy(this.bytes, this.end);
    this.end += chunk.length;
    this.filled = this.bytes.subarray(0, this.end);
  }

  /** The element from its start up to `to`. */
  cut(to: number): Buffer {
    const element = this.bytes.subarray(this.start, to);
    this.start = -1;
    return element;
  }

  private replace(bytes: Buffer, end: number, keep: number, owned: boolean): void {
    this.bytes = bytes;
    this.end = end;
    this.dropped += keep;
    this.position -= keep;
    if (this.start !== -1) this.start -= keep;
    this.owned = owned;
  }
}
