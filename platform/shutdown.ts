import type { Log } from '#platform/log';

/** One thing to end. Steps of a lower stage end before those of a higher one begin; those of one, together. */
export interface ShutdownStep {
  readonly name: string;
  readonly stage: number;
  /** Milliseconds; a step that takes longer is left behind and said so. */
  readonly timeout: number;
  readonly run: () => Promise<void>;
}

/** The stages of every process: no new work, work in hand, what the work stands on. */
export const STAGE = { doors: 0, work: 1, services: 2, telemetry: 3 } as const;

/** Ends what was added, in order, once. A step that fails or hangs does not keep the others from ending. */
export class Shutdown {
  readonly #steps: ShutdownStep[] = [];
  readonly #log: Pick<Log, 'info' | 'error'>;
  #running: Promise<boolean> | undefined;

  constructor(log: Pick<Log, 'info' | 'error'>) {
    this.#log = log;
  }

  add(step: ShutdownStep): void {
    this.#steps.push(step);
  }

  get begun(): boolean {
    return this.#running !== undefined;
  }

  /** True when every step ended well. Later calls get the first one's outcome. */
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

/**
 * Calls back on SIGINT and SIGTERM: the first asks for an end in order, a second one (an impatient Ctrl-C)
 * for an end at once. The returned function stops listening.
 */
export function onStopSignals(stop: (signal: NodeJS.Signals, again: boolean) => void): () => void {
  let count = 0;
  const hear = (signal: NodeJS.Signals): void => {
    count += 1;
    stop(signal, count > 1);
  };
  process.on('SIGINT', hear);
  process.on('SIGTERM', hear);
  return () => {
    process.off('SIGINT', hear);
    process.off('SIGTERM', hear);
  };
}
