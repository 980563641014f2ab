import { setTimeout } from 'node:timers/promises';
import { CairnError } from '#domain/errors';
import type { JobProgress } from '#domain/jobs';
import { JOURNAL_CHANNEL } from '#journal/append/doorbell';
import { isBefore } from '#journal/place';
import type { ErasureScope, Journal, JournalSlice, Place } from '#journal/types';
import type { PubSub } from '#platform/pubsub/pubsub';
import { TakenOver, type Projection, type Successor } from '#projections/projection';
import type { Lease, Leases } from '#workers/lease/lease';
import { PACE, type Pace } from '#workers/pace';

export interface ProjectorParts {
  readonly projection: Projection;
  readonly journal: Pick<Journal, 'read' | 'head'>;
  readonly pubsub: PubSub;
  readonly leases: Leases;
  /** Every failure that stopped the projection, at once; it is tried again by itself. */
  readonly onError: (error: Error) => void;
  readonly pace?: Partial<Pace>;
}

/** IDLE: not started, or ended. WAITING: another process has the lease. STOPPED: failed, tried again later. */
export type ProjectorStatus = 'IDLE' | 'WAITING' | 'RUNNING' | 'STOPPED';

export interface ProjectorState {
  readonly name: string;
  readonly status: ProjectorStatus;
  /** Where to read on; undefined before the projection was opened here. */
  readonly cursor: Place | undefined;
  /** Positions between the cursor and the head, when last asked. */
  readonly eventsBehind: number;
  /** Age of the newest event applied while there are others behind it; 0 when there are none. */
  readonly secondsBehind: number;
  readonly rebuilding: boolean;
  /** Why it stopped; kept until a write succeeds again. */
  readonly error: Error | undefined;
}

/**
 * Moves one projection along the journal, in one process at a time. All that touches the projection happens
 * here, one after the other, reading included: a slice that was read before an erasure must not be written
 * after it, nor one that was read for the predecessor of a rebuilt projection.
 */
export class Projector {
  readonly name: string;
  readonly #parts: ProjectorParts;
  readonly #pace: Pace;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #status: ProjectorStatus = 'IDLE';
  #error: Error | undefined;
  #cursor: Place | undefined;
  #behind = 0;
  #lastReceived: number | undefined;
  #successor: Successor | undefined;
  /** The end of the line of those who wait for the projection. */
  #line: Promise<unknown> = Promise.resolve();
  #lease: Lease | undefined;
  #rung = false;
  #wake: (() => void) | undefined;
  readonly #watchers = new Set<() => void>();

  constructor(parts: ProjectorParts) {
    this.name = parts.projection.name;
    this.#parts = parts;
    this.#pace = { ...PACE, ...parts.pace };
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends after the slice at hand, closes the projection and gives the lease up. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#ring();
    await this.#running;
  }

  state(): ProjectorState {
    const age = this.#lastReceived === undefined ? 0 : (Date.now() - this.#lastReceived) / 1000;
    return {
      name: this.name,
      status: this.#status,
      cursor: this.#cursor,
      eventsBehind: this.#behind,
      secondsBehind: this.#behind === 0 ? 0 : Math.max(0, age),
      rebuilding: this.#successor !== undefined,
      error: this.#error,
    };
  }

  /** Another process moves the projection, or nobody asked this one to. One that failed here is still of here. */
  get isElsewhere(): boolean {
    return this.#lease === undefined && (this.#status === 'WAITING' || this.#status === 'IDLE');
  }

  /** Resolves when all that the journal holds now is applied; rejects when the projection stops before. */
  async settled(): Promise<void> {
    const head = await this.#parts.journal.head();
    this.#ring();
    await this.#until(() => {
      if (this.#status === 'STOPPED') throw this.#error;
      if (this.#stop.signal.aborted) throw this.#unavailable();
      return this.#cursor !== undefined && !isBefore(this.#cursor, head);
    });
  }

  /** For the erase job, after the journal has destroyed the keys. UNAVAILABLE without the lease. */
  async erase(scope: ErasureScope): Promise<void> {
    await this.#exclusive(async () => {
      await this.#parts.projection.erase(scope);
      await this.#successor?.erase(scope);
    });
  }

  /** Builds the projection again from the first position while the old one answers; returns the events written. */
  async rebuild(progress: (value: JobProgress) => Promise<void>, signal: AbortSignal): Promise<number> {
    const { projection } = this.#parts;
    const start = await this.#exclusive(async () => {
      if (projection.startRebuild === undefined) return undefined;
      this.#successor = await projection.startRebuild();
      return this.#successor;
    });
    if (start === undefined) throw new CairnError('INVALID_ARGUMENT', `${this.name} cannot be rebuilt.`);
    try {
      return await this.#fill(start, progress, signal);
    } catch (error) {
      await this.#inLine(async () => {
        this.#successor = undefined;
        await start.abandon();
      });
      throw error;
    }
  }

  async #fill(
    successor: Successor,
    progress: (value: JobProgress) => Promise<void>,
    signal: AbortSignal,
  ): Promise<number> {
    const { projection } = this.#parts;
    let written = 0;
    for (let isDone = false; !isDone;) {
      signal.throwIfAborted();
      this.#stop.signal.throwIfAborted();
      const place = await this.#exclusive(async () => {
        const slice = await this.#read(await successor.cursor());
        await successor.write(slice);
        written += slice.events.length;
        // It must not show less than the one whose place it takes.
        isDone = slice.behind === 0 && !isBefore(slice.next, await projection.cursor());
        if (isDone) await this.#publish(successor);
        return { done: slice.next.position, total: slice.next.position + slice.behind };
      });
      await progress(place);
    }
    return written;
  }

  async #publish(successor: Successor): Promise<void> {
    await successor.publish();
    this.#successor = undefined;
    this.#ring();
  }

  /** One after the other, and only with the lease. */
  async #exclusive<T>(work: () => Promise<T>): Promise<T> {
    await this.#leaseInHand();
    return this.#inLine(async () => {
      if (this.#lease === undefined || this.#lease.lost.aborted) throw this.#unavailable();
      return work();
    });
  }

  async #inLine<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#line;
    const turn = (async () => {
      await before;
      return work();
    })();
    // Whoever comes next waits for the end, not for the success.
    this.#line = turn.then(
      () => undefined,
      () => undefined,
    );
    return turn;
  }

  async #leaseInHand(): Promise<void> {
    // A flag and no clock: timers may fire a little before the clock says so, and this one fires once.
    let late = false;
    const timer = globalThis.setTimeout(() => {
      late = true;
      this.#tell();
    }, this.#pace.patience);
    try {
      await this.#until(() => {
        if (this.#lease !== undefined) return true;
        if (late || this.#stop.signal.aborted) throw this.#unavailable();
        return false;
      });
    } finally {
      clearTimeout(timer);
    }
  }

  #unavailable(): CairnError {
    return new CairnError('UNAVAILABLE', `${this.name} is not moved by this process now.`, { retryAfter: 5 });
  }

  async #run(): Promise<void> {
    const { pubsub, leases } = this.#parts;
    const { signal } = this.#stop;
    let hangUp: (() => Promise<void>) | undefined;
    for (let failures = 0; !signal.aborted;) {
      this.#become('WAITING');
      try {
        hangUp ??= await pubsub.subscribe(JOURNAL_CHANNEL, () => this.#ring());
        const lease = await leases.acquire(this.name, signal);
        await this.#hold(lease);
        failures = 0;
      } catch (error) {
        if (signal.aborted) break;
        failures += 1;
        await this.#fail(error, failures);
      }
    }
    await hangUp?.().catch((error: unknown) => this.#parts.onError(asError(error)));
    this.#become('IDLE');
  }

  async #hold(lease: Lease): Promise<void> {
    const { projection } = this.#parts;
    const ring = (): void => this.#ring();
    lease.lost.addEventListener('abort', ring);
    try {
      // Waited for in the line, it may be another's by now: init would take it from there.
      await this.#inLine(async () => {
        if (!lease.lost.aborted) await projection.init();
      });
      if (lease.lost.aborted) return;
      this.#cursor = await projection.cursor();
      this.#lease = lease;
      this.#tell();
      await this.#follow(lease);
    } finally {
      lease.lost.removeEventListener('abort', ring);
      this.#lease = undefined;
      try {
        await this.#inLine(() => projection.close());
      } finally {
        await lease.release();
      }
    }
  }

  /** Until the lease is lost or the projector is stopped. TakenOver when only another init helps. */
  async #follow(lease: Lease): Promise<void> {
    const { signal } = this.#stop;
    let failures = 0;
    let tidyAt = Date.now();
    while (!signal.aborted && !lease.lost.aborted) {
      try {
        const moved = await this.#exclusive(() => this.#step());
        this.#error = undefined;
        this.#become('RUNNING');
        failures = 0;
        if (Date.now() >= tidyAt) {
          await this.#exclusive(async () => this.#parts.projection.tidy?.());
          tidyAt = Date.now() + this.#pace.tidy;
        }
        if (!moved) await this.#bell(this.#pace.poll);
        else if (this.#behind === 0) await this.#pause(this.#pace.gather);
      } catch (error) {
        if (signal.aborted || lease.lost.aborted) return;
        if (error instanceof TakenOver) throw error;
        failures += 1;
        await this.#fail(error, failures);
      }
    }
  }

  /** One slice. True when there was one. */
  async #step(): Promise<boolean> {
    const { projection } = this.#parts;
    const cursor = await projection.cursor();
    this.#rung = false;
    const slice = await this.#read(cursor);
    this.#behind = slice.behind;
    const moved = isBefore(cursor, slice.next);
    if (moved) {
      await projection.write(slice);
      this.#lastReceived = slice.events.at(-1)?.receivedAt ?? this.#lastReceived;
    }
    this.#cursor = slice.next;
    return moved;
  }

  /** Damage of the journal is not the projection's: beginning anew would only lose what it shows. */
  async #read(from: Place): Promise<JournalSlice> {
    try {
      return await this.#parts.journal.read(from, this.#pace.slice);
    } catch (cause) {
      if (!(cause instanceof CairnError) || cause.code !== 'CORRUPT') throw cause;
      throw new CairnError('UNAVAILABLE', `The journal is damaged: ${cause.message}`, { cause });
    }
  }

  /**
   * The cursor stays where it is, and the next attempt comes later. Damage, and a cursor beyond the end of a
   * log that was restored, are mended by beginning anew.
   */
  async #fail(cause: unknown, failures: number): Promise<void> {
    const error = asError(cause);
    this.#error = error;
    this.#parts.onError(error);
    const mendable = error instanceof CairnError && ['CORRUPT', 'CURSOR_EXPIRED'].includes(error.code);
    if (mendable && this.#lease !== undefined) await this.#beginAnew();
    if (mendable && failures === 1) return;
    this.#become('STOPPED');
    await this.#pause(Math.min(this.#pace.firstRetry * 2 ** (failures - 1), this.#pace.lastRetry));
  }

  async #beginAnew(): Promise<void> {
    try {
      await this.#exclusive(() => this.#parts.projection.reset());
      this.#cursor = await this.#parts.projection.cursor();
    } catch (error) {
      if (error instanceof TakenOver) throw error;
      this.#parts.onError(asError(error));
    }
  }

  #become(status: ProjectorStatus): void {
    this.#status = status;
    this.#tell();
  }

  #ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Until the doorbell rings; a ring since the journal was asked counts. */
  async #bell(ms: number): Promise<void> {
    if (this.#rung || this.#stop.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = globalThis.setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }

  async #pause(ms: number): Promise<void> {
    try {
      await setTimeout(ms, undefined, { signal: this.#stop.signal });
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error;
    }
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher();
  }

  /** Resolves when the condition holds, which is looked at whenever something changes; rejects when it throws. */
  async #until(holds: () => boolean): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const watcher = (): void => {
        try {
          if (!holds()) return;
          resolve();
        } catch (error) {
          reject(asError(error));
        }
        this.#watchers.delete(watcher);
      };
      this.#watchers.add(watcher);
      watcher();
    });
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
