import type { TestProject } from 'vitest/node';

import { createTemplate, startTestPostgres, sweepLeftovers } from '#test/harness';

/** One PostgreSQL for the whole run of the integration project; vitest calls this once. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await sweepLeftovers();
  const server = await startTestPostgres();
  await createTemplate(server.url);
  project.provide('postgresUrl', server.url);
  return () => server.stop();
}
