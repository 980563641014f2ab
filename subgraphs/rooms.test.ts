import { describe, expect, it } from 'vitest';
import { composeSupergraph } from '#gateway/compose';
import { events } from '#subgraphs/events/index';
import { insights } from '#subgraphs/insights/index';
import { lake } from '#subgraphs/lake/index';
import { organization } from '#subgraphs/organization/index';
import { subgraphSdl } from '#subgraphs/shared/build-subgraph';
import { classesToSchema } from '#subgraphs/shared/subgraph-sdl';
import { trails } from '#subgraphs/trails/index';
import { undescribed } from '#test/federation/schema-rules';

const rooms = [events, insights, lake, organization, trails];

describe('the rooms’ schemas', () => {
  for (const room of rooms) {
    it(`${room.name} says what everything is`, () => {
      expect(undescribed(classesToSchema(room))).toEqual([]);
    });
  }

  it('compose, and meet in Account', () => {
    const { api } = composeSupergraph(rooms.map((room) => ({ name: room.name, sdl: subgraphSdl(room) })));
    const account = /\ntype Account \{[^}]*\}/.exec(api)?.[0] ?? '';
    for (const field of ['eventRate', 'latestCheckpoint', 'storage', 'retentionMonths']) {
      expect(account).toContain(`  ${field}`);
    }
  });
});
