import type { OwnTrail } from '#journal/own-trail/own-trail';
import type { LostProcess, OwnProcess, OwnProcessStore } from '#journal/store/own-process-store';

export interface ProcessLifeParts {
  readonly store: OwnProcessStore;
  readonly trail: OwnTrail;
  /** This one. */
  readonly self: OwnProcess;
  /** Whether a process of this host runs. */
  readonly isRunning: (pid: number) => boolean;
  readonly onError: (error: unknown) => void;
}

const BEAT_MS = 60_000;
/** A process that is not seen for so long is taken for dead; one of the same host, as soon as it is not there. */
const SILENT_MS = 300_000;

/** Tells of the starts and ends of processes, and of ends that nobody told. */
export class ProcessLife {
  readonly #parts: ProcessLifeParts;
  #timer: NodeJS.Timeout | undefined;
  #begun = false;

  constructor(parts: ProcessLifeParts) {
    this.#parts = parts;
  }

  /** Resolves when it is told, or cannot be: a process starts while PostgreSQL is away, and tells it later. */
  async begin(): Promise<void> {
    const beat = (): Promise<void> => this.#beat().catch(this.#parts.onError);
    await beat();
    this.#timer = setInterval(() => void beat(), BEAT_MS).unref();
  }

  async #tellStart(): Promise<void> {
    const { store, trail, self } = this.#parts;
    const known = await store.openOn(self.host);
    await this.#tellLost(known.filter((one) => this.#isGone(one)));
    const last = await store.lastOf(self.name, self.id);
    await store.begin(self);
    await trail.note({
      eventName: 'StartProcess',
      details: { ...shown(self), configuration: self.settings },
    });
    const changes = last === undefined ? {} : changesOf(last.settings, self.settings);
    if (Object.keys(changes).length > 0) {
      await trail.note({ eventName: 'ConfigurationChanged', details: { ...shown(self), changes } });
    }
    this.#begun = true;
  }

  async end(): Promise<void> {
    const { store, trail, self } = this.#parts;
    clearInterval(this.#timer);
    if (!this.#begun) return;
    await trail.note({ eventName: 'StopProcess', details: shown(self) });
    await store.end(self.id);
  }

  async #beat(): Promise<void> {
    const { store, self } = this.#parts;
    if (!this.#begun) await this.#tellStart();
    await store.seen(self.id);
    await this.#tellLost(await store.silentFor(SILENT_MS));
  }

  async #tellLost(lost: readonly LostProcess[]): Promise<void> {
    const { store, trail } = this.#parts;
    for (const one of lost) {
      if (!(await store.claimEnd(one.id))) continue;
      const { startedAt, seenAt } = one;
      await trail.note({
        eventName: 'LoseProcess',
        details: { ...shown(one), startTime: startedAt.toISOString(), lastSeenTime: seenAt.toISOString() },
        error: {
          code: 'ProcessLost',
          message: 'The process ended without saying so: it was killed, or crashed.',
        },
      });
    }
  }

  /** A number that is ours now was given back before. */
  #isGone({ pid }: LostProcess): boolean {
    const { self, isRunning } = this.#parts;
    return pid === self.pid || !isRunning(pid);
  }
}

function shown({ id, name, host, pid, version }: Omit<OwnProcess, 'settings'>) {
  return { process: id, name, host, pid, version };
}

/** What differs, before and after; null where it was not set. */
function changesOf(before: OwnProcess['settings'], after: OwnProcess['settings']) {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted();
  const different = names.filter((name) => before[name] !== after[name]);
  return Object.fromEntries(
    different.map((name) => [name, { before: before[name] ?? null, after: after[name] ?? null }]),
  );
}
