import { describeFaults } from '#test/faults/describe-faults';

describeFaults('postgres', {
  check: 'postgres',
  isIntakeSpared: false,
  readiness: { code: 503, status: 'not ready' },
});
