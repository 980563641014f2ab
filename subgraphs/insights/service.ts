import { CairnError } from '#domain/errors';
import type { HistoryIndex } from '#projections/history/history-index';

export const RATE_INTERVALS = ['MINUTE', 'HOUR', 'DAY'] as const;
export type RateInterval = (typeof RATE_INTERVALS)[number];

const LENGTH_MS: Readonly<Record<RateInterval, number>> = {
  MINUTE: 60_000,
  HOUR: 3_600_000,
  DAY: 86_400_000,
};
const DEFAULT_INTERVALS = 24;
/** A day of minutes, with room for its ends. */
const MAX_INTERVALS = 1_500;

export interface InsightsDependencies {
  readonly history: Pick<HistoryIndex, 'counts'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface RateQuery {
  readonly interval: RateInterval;
  readonly from?: Date | null | undefined;
  readonly to?: Date | null | undefined;
}

/** Times in milliseconds since 1970. */
export interface Rate {
  readonly from: number;
  readonly to: number;
  readonly total: number;
  readonly points: readonly RatePoint[];
}

interface RatePoint {
  readonly start: number;
  readonly events: number;
  readonly perMinute: number;
}

/** How much happens. */
export class InsightsService {
  constructor(private readonly dependencies: InsightsDependencies) {}

  /** The caller must have checked that the account may be seen. */
  async eventRate(account: string, { interval, ...range }: RateQuery): Promise<Rate> {
    const { history, now } = this.dependencies;
    const length = LENGTH_MS[interval];
    const to = range.to?.getTime() ?? now();
    const from = range.from?.getTime() ?? to - DEFAULT_INTERVALS * length;
    const starts = startsOf({ from, to, length });
    const filter = { kind: 'time', from, to } as const;
    const { total, buckets } = await history.counts({ filter, accounts: [account], interval });
    const counts = new Map(buckets.map(({ start, count }) => [start, count]));
    const points = starts.map((start) => {
      const events = counts.get(start) ?? 0;
      return { start, events, perMinute: events / (length / LENGTH_MS.MINUTE) };
    });
    return { from, to, total, points };
  }
}

/** UTC has days of equal length, so every interval begins at a multiple of its own. */
function startsOf({ from, to, length }: Record<'from' | 'to' | 'length', number>): number[] {
  if (from >= to) {
    throw new CairnError('INVALID_TIME_RANGE', 'A rate must end after it begins.', { path: 'from' });
  }
  const first = Math.floor(from / length) * length;
  const count = Math.ceil((to - first) / length);
  if (count > MAX_INTERVALS) {
    throw new CairnError('LIMIT_EXCEEDED', `A rate has at most ${MAX_INTERVALS} intervals.`, {
      path: 'from',
    });
  }
  return Array.from({ length: count }, (_, index) => first + index * length);
}
