import type { ApiExample } from '#test/api/example';
import { alertsExamples, raisedExamples } from '#test/api/examples/alerts';
import { eventsExamples } from '#test/api/examples/events';
import { exportsExamples } from '#test/api/examples/exports';
import { operationsExamples } from '#test/api/examples/operations';
import { endingExamples, organizationExamples } from '#test/api/examples/organization';

/** Exactly one for each field of Query, Mutation and Subscription, in the order in which the test runs them. */
export const apiExamples: readonly ApiExample[] = [
  ...organizationExamples,
  ...eventsExamples,
  ...alertsExamples,
  ...exportsExamples,
  ...raisedExamples,
  ...operationsExamples,
  ...endingExamples,
];
