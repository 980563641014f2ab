import type { Writable } from 'node:stream';
import { hasCode } from '#platform/files';

/** Whoever read our output has gone, as `| head` does when it has its lines, or the terminal was closed. */
export class OutputGone extends Error {
  constructor(cause: unknown) {
    super('Nobody reads the output any more.', { cause });
    this.name = 'OutputGone';
  }
}

/**
 * Writes text to a stream. The promise is fulfilled when the text was taken, so that a slow reader holds back a
 * long answer; it is rejected with OutputGone, or with what the system says (a full disk).
 */
export function printTo(stream: Writable): (text: string) => Promise<void> {
  // Every write tells its own failure; without a listener the stream would end the process with a stack.
  stream.on('error', () => undefined);
  return (text) =>
    new Promise((resolve, reject) => {
      stream.write(text, (error) => {
        if (!error) resolve();
        else reject(hasCode(error, 'EPIPE', 'EIO', 'ERR_STREAM_DESTROYED') ? new OutputGone(error) : error);
      });
    });
}
