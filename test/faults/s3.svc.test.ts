import { describeFaults } from '#test/faults/describe-faults';

describeFaults('s3', {
  check: 'objects',
  isIntakeSpared: true,
  readiness: { code: 200, status: 'degraded' },
});
