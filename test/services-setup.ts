import type { TestProject } from 'vitest/node';

import { createTemplate } from '#test/harness';
import { services } from '#test/services';

/** Fails clearly when the services are not there, and makes the database that every test copies. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { postgresUrl } = services();
  const template = await createTemplate(postgresUrl);
  project.provide('postgresUrl', postgresUrl);
  project.provide('postgresTemplate', template.name);
  return template.drop;
}
