import { z } from 'zod';

import { optional, text, url, variable } from '#platform/variable';
import type { Values } from '#platform/variable';

/** Where event history is, if not in the data folder. */
export const OPENSEARCH = {
  opensearchUrl: optional(
    'CAIRN_OPENSEARCH_URL',
    url(['http:', 'https:']),
    'An OpenSearch 3 for event history, such as https://search.example.com:9200. Unset: SQLite in the data folder.',
  ),
  opensearchUsername: optional(
    'CAIRN_OPENSEARCH_USERNAME',
    text,
    'User of OpenSearch. Unset: none is given.',
  ),
  opensearchPassword: optional('CAIRN_OPENSEARCH_PASSWORD', text, 'Password of that user.'),
  opensearchPasswordFile: optional(
    'CAIRN_OPENSEARCH_PASSWORD_FILE',
    text,
    'File with the password, in place of CAIRN_OPENSEARCH_PASSWORD.',
  ),
  opensearchCa: optional(
    'CAIRN_OPENSEARCH_CA',
    text,
    'PEM file of the authority that signed OpenSearch’s certificate. Unset: those that Node.js trusts.',
  ),
  opensearchPrefix: variable(
    'CAIRN_OPENSEARCH_PREFIX',
    z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be 1 to 63 lower case letters, digits or -'),
    'cairn',
    'Begins the name of every index: installations that share an OpenSearch need different ones.',
  ),
};

type Settings = {
  readonly [K in keyof Values<typeof OPENSEARCH>]?: Values<typeof OPENSEARCH>[K] | undefined;
};

/** Settings that contradict each other, a line each. */
export function opensearchMistakes(settings: Settings): string[] {
  const { opensearchUrl, opensearchUsername, opensearchPassword, opensearchPasswordFile, opensearchCa } =
    settings;
  const others = [opensearchUsername, opensearchPassword, opensearchPasswordFile, opensearchCa];
  const mistakes: string[] = [];
  if (opensearchUrl === undefined && others.some((value) => value !== undefined)) {
    mistakes.push(
      'CAIRN_OPENSEARCH_URL must be set for the other CAIRN_OPENSEARCH_ variables to mean anything.',
    );
  }
  if (opensearchPassword !== undefined && opensearchPasswordFile !== undefined) {
    mistakes.push('CAIRN_OPENSEARCH_PASSWORD and CAIRN_OPENSEARCH_PASSWORD_FILE must not both be set.');
  }
  const hasPassword = opensearchPassword !== undefined || opensearchPasswordFile !== undefined;
  if ((opensearchUsername !== undefined) !== hasPassword) {
    mistakes.push('CAIRN_OPENSEARCH_USERNAME and a password must be set together.');
  }
  return mistakes;
}
