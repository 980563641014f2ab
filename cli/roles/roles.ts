import { ConfigError } from '#platform/config';

/** The subgraphs of the product, each a role of its own. */
export const SUBGRAPH_NAMES = ['organization', 'events', 'trails', 'lake', 'insights'] as const;
export type SubgraphName = (typeof SUBGRAPH_NAMES)[number];

/** What a process may be: any set of these. */
const ROLES = ['gateway', ...SUBGRAPH_NAMES, 'worker'] as const;
export type Role = (typeof ROLES)[number];
export type Roles = ReadonlySet<Role>;

/** All that answers: one process of this and one worker are what the supervisor runs. */
export const API: Roles = new Set<Role>(['gateway', ...SUBGRAPH_NAMES]);
export const WORKER: Roles = new Set<Role>(['worker']);

/** Names from a command line, separated by commas; `api` stands for the gateway and all subgraphs. @throws ConfigError */
export function parseRoles(text: string): Roles {
  const names = text.split(',').map((name) => name.trim());
  const known: readonly string[] = ['api', ...ROLES];
  const wrong = names.filter((name) => !known.includes(name));
  if (wrong.length > 0) {
    const quoted = wrong.map((name) => JSON.stringify(name.slice(0, 64))).join(', ');
    throw new ConfigError([`--role ${quoted} is none of ${known.join(', ')}.`]);
  }
  return new Set(ROLES.filter((role) => names.includes(role) || (names.includes('api') && API.has(role))));
}

/** How a process of these roles is called, in its log lines, traces and database sessions. */
export function nameOf(roles: Roles): string {
  if ([...API].every((role) => roles.has(role))) return roles.has('worker') ? 'api+worker' : 'api';
  return [...roles].join('+');
}
