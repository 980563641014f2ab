import { IncomingMessage } from 'node:http';

/** Time for the client to read the refusal before the connection is cut under its unread body. */
const LINGER_MS = 1_000;

/**
 * A request whose body is counted as it arrives, whoever reads it: declared lengths may be missing or lies.
 * Past the limit nothing more is handed on: `onExceeded` answers, and the reader's stream fails after that.
 */
export class LimitedRequest extends IncomingMessage {
  maxBodyBytes = Number.POSITIVE_INFINITY;
  onExceeded: () => Error = () => new Error('The body is too large.');
  #received = 0;
  #refusal: Error | undefined;

  override push(chunk: Uint8Array | string | null, encoding?: BufferEncoding): boolean {
    if (this.#refusal !== undefined) {
      if (chunk === null) this.destroy(this.#refusal);
      return true;
    }
    this.#received += chunk?.length ?? 0;
    if (this.#received <= this.maxBodyBytes) return super.push(chunk, encoding);
    this.refuse(this.onExceeded());
    return true;
  }

  /** Throws the rest of the body away for a moment (cutting at once could lose the answer), then cuts. */
  refuse(error: Error): void {
    this.#refusal = error;
    setTimeout(() => this.destroy(error), LINGER_MS).unref();
  }
}
