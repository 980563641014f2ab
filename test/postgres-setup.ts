import type { TestProject } from 'vitest/node';

import { createTemplate, startTestPostgres, sweepLeftovers } from '#test/harness';
import { onRealServices, services } from '#test/services';

/**
 * One PostgreSQL for the whole run of the integration project: the embedded one, or that of the real services
 * where TEST_SERVICES names them. vitest calls this once.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await sweepLeftovers();
  const server = onRealServices() ? { url: services().postgresUrl } : await startTestPostgres();
  const template = await createTemplate(server.url);
  project.provide('postgresUrl', server.url);
  project.provide('postgresTemplate', template.name);
  return async () => {
    await template.drop();
    if ('stop' in server) await server.stop();
  };
}
