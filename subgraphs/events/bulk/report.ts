import type { ErrorCode } from '#domain/errors';
import type { EventRecorder, EventResult } from '#subgraphs/events/record';

/** One event that was not taken, with where it stood in the body. */
export interface Refusal {
  /** 0-based, counting every event of the body. */
  readonly index: number;
  readonly code: ErrorCode;
  /** The record's field at fault, where there is one. */
  readonly path?: string | undefined;
  readonly message: string;
  /** Of a conflict: the id of the event that was there before. */
  readonly id?: string | undefined;
}

/** The answer of the bulk door. received = recorded + duplicates + conflicts + refused. */
export interface BulkReport {
  /** Whose counters these events went to. */
  readonly source: string;
  readonly received: number;
  readonly recorded: number;
  readonly duplicates: number;
  readonly conflicts: number;
  readonly refused: number;
  /** CloudTrail digest files in the body; they hold no events. */
  readonly digests: number;
  /** Set when the body is something else than events. */
  readonly kind?: 'digest' | undefined;
  /** The first refused events and conflicts, by index. */
  readonly refusals: readonly Refusal[];
}

const CONFLICT_MESSAGE = 'Another event with this account, eventID and hour was recorded before.';

/** Sums up what became of a body's events. */
export class Tally {
  private recorded = 0;
  private duplicates = 0;
  private conflicts = 0;
  private refused = 0;
  private readonly refusals: Refusal[] = [];
  digests = 0;

  constructor(
    private readonly source: string,
    private readonly maxRefusals: number,
  ) {}

  /** `results` are those of the events from `first` on. */
  async add(first: number, results: readonly EventResult[], recorder: EventRecorder): Promise<void> {
    for (const [offset, result] of results.entries()) {
      if (result.result === 'RECORDED') this.recorded += 1;
      else if (result.result === 'DUPLICATE') this.duplicates += 1;
      else {
        if (result.result === 'CONFLICT') this.conflicts += 1;
        else this.refused += 1;
        if (this.refusals.length < this.maxRefusals) await this.list(first + offset, result, recorder);
      }
    }
  }

  report(): BulkReport {
    const { source, recorded, duplicates, conflicts, refused, digests } = this;
    const received = recorded + duplicates + conflicts + refused;
    return {
      source,
      received,
      recorded,
      duplicates,
      conflicts,
      refused,
      digests,
      kind: digests > 0 && received === 0 ? 'digest' : undefined,
      refusals: this.refusals.toSorted((one, other) => one.index - other.index),
    };
  }

  private async list(index: number, result: EventResult, recorder: EventRecorder): Promise<void> {
    if (result.result === 'REFUSED') {
      const { code, path, message } = result;
      this.refusals.push({ index, code, path, message });
    } else {
      const id = await recorder.idOf(result);
      this.refusals.push({ index, code: 'CONFLICT', message: CONFLICT_MESSAGE, id });
    }
  }
}
