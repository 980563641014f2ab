import { z } from 'zod';

import type { Finding } from '#cli/doctor/finding';
import { ok, reasonOf, trouble, warning } from '#cli/doctor/finding';
import { openSearchPlace } from '#cli/history';
import type { OpenSearchPlace } from '#cli/history';
import { CairnError } from '#domain/errors';
import type { Config } from '#platform/config';
import { isRefusal, OpenSearch } from '#projections/history/opensearch/client';
import { Names } from '#projections/history/opensearch/names';
import { countRefusals } from '#projections/history/opensearch/refusals';

/** What every release is tested with; later ones of the same major keep its API. */
const MAJOR = 3;
const CHECK = 'OpenSearch';
const ANSWER_MS = 5_000;

const INFO = z.object({ version: z.object({ distribution: z.string().optional(), number: z.string() }) });

/** Nothing when history is in the data folder. */
export async function examineOpenSearch(config: Config): Promise<Finding[]> {
  let place: OpenSearchPlace | undefined;
  try {
    place = await openSearchPlace(config);
  } catch (error) {
    return [trouble(CHECK, reasonOf(error), 'Name files that Cairn may read.')];
  }
  if (place === undefined) return [];
  const openSearch = new OpenSearch(place);
  try {
    return [await server(openSearch), await refused(openSearch, new Names(place.prefix))];
  } catch (error) {
    const reason = error instanceof CairnError && error.cause !== undefined ? error.cause : error;
    const advice =
      'Events are taken meanwhile, and history catches up: start it, or mend CAIRN_OPENSEARCH_URL.';
    return [trouble(CHECK, `${new URL(place.url).host} does not answer: ${reasonOf(reason)}`, advice)];
  } finally {
    await openSearch.close();
  }
}

async function server(openSearch: OpenSearch): Promise<Finding> {
  const info = INFO.safeParse(await openSearch.request('GET', '/', { timeout: ANSWER_MS }));
  const { distribution, number = '' } = info.data?.version ?? {};
  if (distribution !== 'opensearch') {
    return trouble(CHECK, 'the server is no OpenSearch', 'Let CAIRN_OPENSEARCH_URL name one.');
  }
  if (Number(number.split('.')[0]) === MAJOR) return ok(CHECK, `version ${number}`);
  return warning(CHECK, `version ${number}`, `Cairn is tested with OpenSearch ${MAJOR}.`);
}

async function refused(openSearch: OpenSearch, names: Names): Promise<Finding> {
  try {
    const { missing, abridged } = await countRefusals(openSearch, names);
    if (missing === 0 && abridged === 0) return ok('history', 'every event is in the index');
    return warning(
      'history',
      `OpenSearch refused ${missing} events, and the parameters of ${abridged} more`,
      `The journal has them. Their reasons stand in the index ${names.refused}; then: cairn rebuild history.`,
    );
  } catch (error) {
    if (!isRefusal(error) || error.status !== 404) throw error;
    return ok('history', 'the index is not there yet: the worker makes it');
  }
}
