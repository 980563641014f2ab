import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** A client that does not answer a ping is gone; one that takes nothing for two of them, too. */
const PING_MS = 15_000;
/** Subscribing, completing, pinging: what a client may say in a minute. */
const MESSAGES_PER_MINUTE = 600;
const MINUTE_MS = 60_000;

/** What may lie on its way to a client before its streams wait. */
const BUFFERED_BYTES = 256 * 1024;

/** Close codes of graphql-transport-ws and of RFC 6455. */
export const CLOSE = { unauthorized: 4401, tooMany: 4429, goingAway: 1001, tryAgain: 1013 } as const;

/** One WebSocket: kept alive, counted, and written no faster than its client reads. */
export class WsConnection {
  readonly #socket: WebSocket;
  readonly #pings: NodeJS.Timeout;
  readonly #counts: NodeJS.Timeout;
  readonly #bytes: Duplex;
  #isCorked = false;
  #answered = true;
  #messages = 0;

  /** `bytes`: what the WebSocket was made of. */
  constructor(socket: WebSocket, bytes: Duplex) {
    this.#socket = socket;
    this.#bytes = bytes;
    this.#pings = setInterval(() => this.#ping(), PING_MS);
    this.#counts = setInterval(() => (this.#messages = 0), MINUTE_MS);
    socket.on('pong', () => (this.#answered = true));
    socket.once('close', () => {
      clearInterval(this.#pings);
      clearInterval(this.#counts);
    });
  }

  get protocol(): string {
    return this.#socket.protocol;
  }

  /** Resolves at once while the client keeps up, else when the bytes have left. */
  send(data: string): Promise<void> {
    this.#gather();
    return new Promise((resolve, reject) => {
      this.#socket.send(data, (error) => {
        if (error) reject(error);
        else resolve();
      });
      if (this.#socket.readyState === this.#socket.OPEN && this.#socket.bufferedAmount < BUFFERED_BYTES)
        resolve();
    });
  }

  close(code?: number, reason?: string): void {
    this.#socket.close(code, reason);
  }

  onMessage(hear: (data: string) => Promise<void>, onError: (error: unknown) => void): void {
    this.#socket.on('message', (data, isBinary) => {
      this.#messages += 1;
      if (isBinary || this.#messages > MESSAGES_PER_MINUTE) {
        return this.close(CLOSE.tooMany, 'Too many messages');
      }
      // `ws` hands text over as one buffer unless told otherwise.
      hear((data as Buffer).toString('utf8')).catch(onError);
    });
  }

  /** What is sent in one turn leaves in one write: streams share the connection, and each write costs a system call. */
  #gather(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#bytes.cork();
    setImmediate(() => {
      this.#isCorked = false;
      this.#bytes.uncork();
    });
  }

  #ping(): void {
    if (!this.#answered) return this.#socket.terminate();
    this.#answered = false;
    this.#socket.ping();
  }
}
