import type { Log } from '#platform/log';

/** One thing to end. Steps of a lower stage end before those of a higher one begin; those of one, together. */
export interface ShutdownStep {
  readonly name: string;
  readonly stage: number;
  /** Milliseconds; a step that takes longer is left behind and said so. */
  readonly timeout: number;
  readonly run: () => Promise<void>;
}

/** The stages of every process: no new work, work in hand, what it leaves to be done, what the work stands on. */
export const STAGE = { doors: 0, work: 1, rest: 2, services: 3, telemetry: 4 } as const;

/** Ends what was added, in order, once. A step that fails or hangs does not keep the others from ending. */
export class Shutdown {
  readonly #steps: ShutdownStep[] = [];
  readonly #log: Pick<Log, 'info' | 'error'>;
  #running: Promise<boolean> | undefined;

  constructor(log: Pick<Log, 'info' | 'error'>) {
    this.#log = log;
  }

  /** What is added once the end has begun (a start that was interrupted) ends at once. */
  add(step: ShutdownStep): void {
    if (this.#running === undefined) this.#steps.push(step);
    else this.#running = Promise.all([this.#running, this.#end(step)]).then((ended) => ended.every(Boolean));
  }

  get begun(): boolean {
    return this.#running !== undefined;
  }

  /** True when every step ended well. Later calls wait for the same end, and for what was added meanwhile. */
  run(reason: string): Promise<boolean> {
    this.#running ??= this.#runAll(reason);
    return this.#running;
  }

  async #runAll(reason: string): Promise<boolean> {
    this.#log.info({ reason }, 'stopping');
    let clean = true;
    const stages = [...new Set(this.#steps.map((step) => step.stage))].toSorted((a, b) => a - b);
    for (const stage of stages) {
      // Within a stage the last added ends first where it does not wait for anything.
      const steps = this.#steps.filter((step) => step.stage === stage).toReversed();
      const ended = await Promise.all(steps.map((step) => this.#end(step)));
      clean &&= ended.every(Boolean);
    }
    return clean;
  }

  async #end(step: ShutdownStep): Promise<boolean> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      late.reject(new Error(`did not end within ${step.timeout} ms`));
    }, step.timeout);
    try {
      await Promise.race([step.run(), late.promise]);
      return true;
    } catch (error) {
      this.#log.error({ error, step: step.name }, 'a part did not stop');
      return false;
    } finally {
      clearTimeout(timer);
    }
  }
}

const STOP_SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
/** A terminal and npm both send what one Ctrl-C means. */
const SAME_WISH_MS = 1_000;

/**
 * Calls back on signals that ask for an end: the first for one in order, another one later (an impatient
 * Ctrl-C) for one at once. The returned function stops listening.
 */
export function onStopSignals(stop: (signal: NodeJS.Signals, again: boolean) => void): () => void {
  let first: number | undefined;
  const hear = (signal: NodeJS.Signals): void => {
    const again = first !== undefined;
    if (first !== undefined && Date.now() - first < SAME_WISH_MS) return;
    first ??= Date.now();
    stop(signal, again);
  };
  for (const signal of STOP_SIGNALS) process.on(signal, hear);
  return () => {
    for (const signal of STOP_SIGNALS) process.off(signal, hear);
  };
}
