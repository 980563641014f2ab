import { describeFaults } from '#test/faults/describe-faults';

describeFaults('redis', {
  check: 'redis',
  isIntakeSpared: true,
  readiness: { code: 200, status: 'degraded' },
});
