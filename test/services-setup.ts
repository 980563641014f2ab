import type { TestProject } from 'vitest/node';

import { createTemplate } from '#test/harness';
import { sweepOwnServices } from '#test/own-services';
import { services } from '#test/services';

/** Fails clearly when the services are not there, and makes the database that every test copies. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { postgresUrl } = services();
  await sweepOwnServices();
  const template = await createTemplate(postgresUrl);
  project.provide('postgresUrl', postgresUrl);
  project.provide('postgresTemplate', template.name);
  return template.drop;
}
