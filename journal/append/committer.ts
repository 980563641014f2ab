import { CairnError } from '#domain/errors';
import { buildBatch, countLedger, gatherNew } from '#journal/append/build';
import { decide, outcomeOf, type Decision, type DecisionDeps } from '#journal/append/decisions';
import { Run, type Attempt, type ExpectedHead } from '#journal/append/run';
import { LookUpFirst } from '#journal/append/look-up-first';
import type { Intake } from '#journal/append/intake';
import { isKeysAway } from '#journal/data-keys';
import type { DataKey, DataKeys } from '#journal/data-keys';
import type { Erasures } from '#journal/erasures';
import { encodePlain, newSeed, sealFrame } from '#journal/format/frame';
import type { ErasureStore } from '#journal/store/erasure-store';
import type { BatchPlace, KnownKey, LogStore } from '#journal/store/log-store';
import { KEPT_ROWS, type RefusalStore } from '#journal/store/refusal-store';
import { sqlFailure } from '#journal/store/sql-error';
import type { Steps } from '#journal/steps';
import type { Outcome, Place } from '#journal/types';

export interface CommitterDeps extends DecisionDeps {
  /** UUID of the log, 16 bytes. */
  readonly log: Buffer;
  readonly store: LogStore;
  readonly erasureStore: ErasureStore;
  readonly refusals: RefusalStore;
  readonly erasures: Erasures;
  readonly dataKeys: DataKeys;
  readonly step: Steps;
}

/** Where a batch went, and what became of each event of the intake. */
export interface Committed {
  readonly place: BatchPlace;
  /** How many of the events are new. */
  readonly recorded: number;
  readonly outcomes: readonly Outcome[];
}

function committed({ row, decisions }: Attempt, place: BatchPlace): Committed {
  return { place, recorded: row.count, outcomes: decisions.map((decision) => outcomeOf(decision, place)) };
}

/** Brings one intake into the journal: decides, builds, commits, and again until the outcome is known. */
export class Committer {
  readonly #deps: CommitterDeps;
  readonly #lookUp = new LookUpFirst();
  readonly #partitions = new Set<number>();
  #epoch: number | undefined;

  constructor(deps: CommitterDeps) {
    this.#deps = deps;
  }

  /** Durable when it resolves. UNAVAILABLE when the database did not answer until `deadline` (epoch ms). */
  async commit(intake: Intake, deadline: number): Promise<Committed> {
    const run = new Run(intake, deadline);
    let lookUp = this.#lookUp.advises(intake.sources);
    for (;;) {
      try {
        const attempt = await this.#prepare(run, lookUp);
        await this.#deps.step('append.prepared');
        const place = await this.#send(run, attempt);
        this.#lookUp.learn(intake, attempt.decisions);
        await this.#deps.step('append.committed');
        return committed(attempt, place);
      } catch (error) {
        const recorded = await this.#recover(run, error);
        if (recorded !== undefined) return recorded;
        lookUp ||= run.collided;
      }
    }
  }

  /** What the failure asks for; the batch's place when one of the attempts turns out to be recorded. */
  async #recover(run: Run, error: unknown): Promise<Committed | undefined> {
    const failure = sqlFailure(error);
    run.countFailure(error, failure === 'fatal' && !isPassing(error));
    if (failure === 'exists') {
      const recorded = await this.#findRecorded(run);
      if (recorded !== undefined) return recorded;
      run.rebuild({ collided: true });
    } else if (failure === 'moved') {
      this.#epoch = undefined;
      await run.patiently(() => this.#deps.erasures.refresh());
      run.rebuild({});
    } else if (failure === 'partition') {
      this.#partitions.clear();
    } else {
      await run.pause();
    }
    return undefined;
  }

  async #findRecorded(run: Run): Promise<Committed | undefined> {
    for (const attempt of run.sent) {
      const place = await run.patiently(() => this.#deps.store.batch(attempt.row.id));
      if (place !== undefined) return committed(attempt, place);
    }
    return undefined;
  }

  /** The attempt at hand, or a new one when there is none or it was lost. */
  async #prepare(run: Run, lookUp: boolean): Promise<Attempt> {
    if (run.attempt !== undefined) return run.attempt;
    const { intake } = run;
    run.head = await this.#expectedHead();
    const known = await this.#knowledge(intake, lookUp);
    const decisions = await decide(intake, known, this.#deps);
    const fresh = gatherNew(intake, decisions);
    const keys = await this.#deps.dataKeys.active(fresh.groups);
    const ledger = countLedger(intake, decisions);
    await this.#keepConflicts(run, decisions);
    const { log } = this.#deps;
    const row = await buildBatch({ id: run.nextId(fresh), log, intake, fresh, keys, ledger });
    return run.adopt({ row, decisions });
  }

  /** Epoch and erasures as the caches know them: the commit fails when the head says otherwise. */
  async #expectedHead(): Promise<ExpectedHead> {
    const { erasures } = this.#deps;
    if (this.#epoch === undefined) {
      const head = await this.#deps.store.head();
      if (head === undefined) throw new CairnError('UNAVAILABLE', 'The journal has no head.');
      this.#epoch = head.epoch;
      await erasures.observe(head.erasures);
    }
    return { epoch: this.#epoch, erasures: erasures.known };
  }

  async #knowledge(
    intake: Intake,
    lookUp: boolean,
  ): Promise<{ taken: Map<number, KnownKey>; erasures: Awaited<ReturnType<ErasureStore['ofAccounts']>> }> {
    const taken = new Map<number, KnownKey>();
    if (!lookUp || intake.events.length === 0) return { taken, erasures: [] };
    const { roots, wanted } = intake.identities();
    for (const known of await this.#deps.store.lookup(wanted)) taken.set(roots[known.ordinal] ?? 0, known);
    const accounts = new Set([...taken.keys()].map((index) => intake.accounts[index] ?? 0));
    const asked = taken.size > 0 && this.#deps.erasures.known > 0;
    return { taken, erasures: asked ? await this.#deps.erasureStore.ofAccounts([...accounts]) : [] };
  }

  async #send(run: Run, attempt: Attempt): Promise<BatchPlace> {
    await this.#makePartitions(run.intake);
    run.sent.add(attempt);
    return this.#deps.store.commit(attempt.row, run.head);
  }

  async #makePartitions(intake: Intake): Promise<void> {
    const partitions = this.#partitions;
    const missing = new Set(intake.months.filter((month) => !partitions.has(month)));
    for (const month of missing) {
      await this.#deps.store.makePartition(month);
      partitions.add(month);
    }
  }

  /** Conflicts are evidence: encrypted like the events of their account and month, and erased with them. */
  async #keepConflicts(run: Run, decisions: readonly Decision[]): Promise<void> {
    const { intake } = run;
    const conflicts = newestConflicts(intake, decisions);
    if (run.kept) await this.#deps.refusals.forget(run.id);
    run.kept = conflicts.length > 0;
    if (!run.kept) return;
    const owners = conflicts.map(({ index }) => ({
      account: intake.accounts[index] ?? 0,
      month: intake.months[index] ?? 0,
    }));
    const keys = await this.#deps.dataKeys.active(owners);
    const kept = conflicts.map(({ index, place }, at) => {
      const key = keys[at];
      const raw = intake.events[index]?.raw;
      if (key === undefined || raw === undefined) throw new RangeError(`no event ${index}`);
      const source = intake.sources[intake.sourceOf[index] ?? 0] ?? '';
      return {
        intake: run.id,
        index,
        source,
        at: Date.now(),
        ...ownerOf(key),
        place,
        sealed: this.#seal(key, raw),
      };
    });
    await this.#deps.refusals.keep(kept);
  }

  #seal(key: DataKey, raw: Buffer): Buffer {
    const plain = encodePlain([{ seed: newSeed(), firstIndex: 0, count: 1 }], [raw]);
    return sealFrame({ log: this.#deps.log, account: key.account }, key, { plain, count: 1 });
  }
}

function ownerOf(key: DataKey): { account: number; month: number } {
  return { account: key.account, month: key.month };
}

/** Of each source as many as are kept. */
function newestConflicts(
  intake: Intake,
  decisions: readonly Decision[],
): readonly { readonly index: number; readonly place: Place | undefined }[] {
  const counts = new Map<number, number>();
  const found: { readonly index: number; readonly place: Place | undefined }[] = [];
  for (let index = decisions.length - 1; index >= 0; index--) {
    const decision = decisions[index];
    if (decision === undefined || !isConflict(decision)) continue;
    const source = intake.sourceOf[index] ?? 0;
    const count = (counts.get(source) ?? 0) + 1;
    counts.set(source, count);
    if (count <= KEPT_ROWS) found.push({ index, place: 'place' in decision ? decision.place : undefined });
  }
  return found.toReversed();
}

function isConflict(decision: Decision): boolean {
  return 'result' in decision && decision.result === 'CONFLICT';
}

/** A refusal of ours that another try, at once, may not meet. */
function isPassing(error: unknown): boolean {
  return error instanceof CairnError && error.code === 'UNAVAILABLE' && !isKeysAway(error);
}
