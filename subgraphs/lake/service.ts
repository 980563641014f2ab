import type { HistoryIndex } from '#projections/history/history-index';
import type { Usage } from '#subgraphs/lake/storage-tally';

export interface LakeDependencies {
  /** What the journal's segments hold of an account. */
  readonly journal: { of(account: string): Promise<Usage> };
  readonly history: Pick<HistoryIndex, 'counts'>;
}

export interface PartUsage {
  readonly name: string;
  readonly events: number;
  readonly bytes: number | null;
}

/** What is stored, and where. */
export class LakeService {
  constructor(private readonly dependencies: LakeDependencies) {}

  /** The caller must have checked that the account may be seen. */
  async storageOf(account: string): Promise<{ readonly parts: readonly PartUsage[] }> {
    const { journal, history } = this.dependencies;
    const [sealed, found] = await Promise.all([
      journal.of(account),
      history.counts({ filter: { kind: 'all' }, accounts: [account] }),
    ]);
    return {
      parts: [
        { name: 'journal', ...sealed },
        { name: 'history', events: found.total, bytes: null },
      ],
    };
  }
}
