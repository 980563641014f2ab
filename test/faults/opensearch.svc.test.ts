import { describeFaults } from '#test/faults/describe-faults';

describeFaults('opensearch', {
  check: 'history',
  isIntakeSpared: true,
  readiness: { code: 200, status: 'degraded' },
  pauseMs: 4_000,
});
