import { ALERT_ID } from '#domain/alerts';
import type { Principal } from '#domain/principal';
import type { EventIds } from '#journal/event-id';
import type { AlertStore, RaisedMatch } from '#projections/alerts/store';
import { parseMatchCursor, printMatchCursor } from '#projections/alerts/match-cursor';
import type { EventNode } from '#subgraphs/events/event-node';
import type { EventReader } from '#subgraphs/events/read-events';
import type { Page } from '#subgraphs/shared/connection';

interface MatchesParts {
  readonly store: Pick<AlertStore, 'matches'>;
  readonly reader: Pick<EventReader, 'byIds'>;
  readonly eventIds: EventIds;
}

/** Which matches. Nobody has checked `alert`. */
export interface MatchesWanted {
  readonly alert: string | undefined;
  readonly since: Date | undefined;
}

/** A match with its event. */
export interface MatchNode {
  readonly match: RaisedMatch;
  readonly cursor: string;
  readonly event: EventNode;
}

interface MatchPage {
  /** In the order of the list. */
  readonly nodes: readonly MatchNode[];
  readonly more: boolean;
}

/** The past of alerts, the newest first: of those all of whose accounts the key covers. */
export class AlertMatches {
  readonly #parts: MatchesParts;

  constructor(parts: MatchesParts) {
    this.#parts = parts;
  }

  async list(principal: Principal, { alert, since }: MatchesWanted, page: Page): Promise<MatchPage> {
    const { store, eventIds } = this.#parts;
    const { direction, size } = page;
    if (alert !== undefined && !ALERT_ID.test(alert)) return { nodes: [], more: false };
    const path = direction === 'forward' ? 'after' : 'before';
    const found: MatchNode[] = [];
    let cursor = page.cursor === undefined ? undefined : parseMatchCursor(eventIds, page.cursor, path);
    for (;;) {
      const limit = size + 1 - found.length;
      const matches = await store.matches(
        { scope: principal.accounts, alert, since },
        { direction, cursor, limit },
      );
      found.push(...(await this.#withEvents(principal, matches)));
      // Those whose event was erased a moment ago are made up for.
      if (matches.length < limit || found.length > size) break;
      cursor = matches.at(-1);
    }
    const nodes = found.slice(0, size);
    if (direction === 'backward') nodes.reverse();
    return { nodes, more: found.length > size };
  }

  async #withEvents(principal: Principal, matches: readonly RaisedMatch[]): Promise<MatchNode[]> {
    const { reader, eventIds } = this.#parts;
    const ids = matches.map(({ place, eventTime }) => eventIds.encode(place, eventTime));
    const events = await reader.byIds(principal, ids);
    return matches.flatMap((match, index) => {
      const event = events[index];
      // A journal that was restored may have another event there by now.
      if (event === undefined || event === null || event.accountId !== match.account) return [];
      return [{ match, event, cursor: printMatchCursor(eventIds, match) }];
    });
  }
}
