import type { Writable } from 'node:stream';

/** A client that takes nothing for so long is given up: what it has been sent fills its connection. */
const STALL_MS = 30_000;

/** Writes, and waits until the other side has taken what was written before; returns early when it has left. */
export async function writeSlowly(to: Writable, chunk: string, left: AbortSignal): Promise<void> {
  if (left.aborted || to.destroyed || to.write(chunk)) return;
  await new Promise<void>((resolve) => {
    const stalled = setTimeout(() => to.destroy(), STALL_MS);
    const done = (): void => {
      clearTimeout(stalled);
      to.off('drain', done);
      to.off('close', done);
      left.removeEventListener('abort', done);
      resolve();
    };
    to.once('drain', done);
    to.once('close', done);
    left.addEventListener('abort', done, { once: true });
  });
}
