import type { IncomingMessage } from 'node:http';

/** Between two pieces (64 KB) of what is left of bodies that were answered before their end. */
const PIECE_MS = 20;

/**
 * Reads what is left of bodies that were answered before their end, and throws it away: closing a connection with
 * unread bytes resets it, and its sender loses the answer. A piece at a time of all of them together: the rests of
 * many bodies would else be most of what the process reads, and all for nothing.
 */
export class Lingering {
  readonly #waiting: IncomingMessage[] = [];
  #isTurning = false;

  /** For so many milliseconds at most; then the connection ends. */
  read(request: IncomingMessage, ms: number): void {
    if (request.complete) return;
    const end = setTimeout(() => request.socket.destroy(), ms).unref();
    request.socket.once('close', () => clearTimeout(end));
    request.once('end', () => clearTimeout(end));
    request.on('data', () => this.#wait(request));
    this.#wait(request);
  }

  #wait(request: IncomingMessage): void {
    request.pause();
    this.#waiting.push(request);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isTurning) return;
    this.#isTurning = true;
    setTimeout(() => this.#turn(), PIECE_MS).unref();
  }

  #turn(): void {
    this.#isTurning = false;
    let next = this.#waiting.shift();
    while (next?.destroyed) next = this.#waiting.shift();
    next?.resume();
    if (this.#waiting.length > 0) this.#schedule();
  }
}
