import { currentRequest } from '#platform/request-context';

export interface BudgetLimits {
  /** Bytes for one request, all of its operations together. */
  readonly request: number;
  /** Bytes for all requests whose answers are not out yet. */
  readonly process: number;
  /** Of those, bytes for one group of callers: the others must not starve when it reads slowly. By default all. */
  readonly group?: number;
}

/** `request`: this one wants too much. `process`: the others have it all; it may try again. */
export type Taken = 'taken' | 'request' | 'process';

/**
 * Bounds what answers hold in memory. Aliases, batches and clients that read slowly multiply a page; the budget
 * counts what each request took until its answer is out or its client gone.
 */
export class MemoryBudget {
  readonly #limits: BudgetLimits;
  readonly #byRequest = new WeakMap<AbortSignal, number>();
  readonly #refused = new WeakSet<AbortSignal>();
  readonly #byGroup = new Map<string, number>();
  #held = 0;

  constructor(limits: BudgetLimits) {
    this.#limits = limits;
  }

  /** Bytes that are held now. */
  get held(): number {
    return this.#held;
  }

  /**
   * Takes bytes for the current request, or nothing. A request that once wanted too much gets no more: taking 0
   * before reading tells whether reading is worth its while. A request is of one group only.
   */
  take(bytes: number, group = ''): Taken {
    const ended = currentRequest()?.ended;
    // Nobody would tell when it ends: in tests and jobs, or for a client that has left.
    if (ended === undefined || ended.aborted) return bytes > this.#limits.request ? 'request' : 'taken';
    const before = this.#byRequest.get(ended) ?? 0;
    if (before + bytes > this.#limits.request) this.#refused.add(ended);
    if (this.#refused.has(ended)) return 'request';
    if (this.#held + bytes > this.#limits.process) return 'process';
    const ofGroup = this.#byGroup.get(group) ?? 0;
    if (ofGroup + bytes > (this.#limits.group ?? this.#limits.process)) return 'process';
    if (bytes === 0) return 'taken';
    this.#held += bytes;
    this.#byGroup.set(group, ofGroup + bytes);
    this.#byRequest.set(ended, before + bytes);
    if (before === 0) ended.addEventListener('abort', () => this.#release(ended, group), { once: true });
    return 'taken';
  }

  #release(ended: AbortSignal, group: string): void {
    const bytes = this.#byRequest.get(ended) ?? 0;
    this.#held -= bytes;
    this.#byRequest.delete(ended);
    const ofGroup = (this.#byGroup.get(group) ?? 0) - bytes;
    if (ofGroup > 0) this.#byGroup.set(group, ofGroup);
    else this.#byGroup.delete(group);
  }
}
