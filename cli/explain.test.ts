import { CommanderError } from 'commander';
import { expect, it } from 'vitest';
import { EXIT } from '#cli/cli-context';
import { PlatformError } from '#cli/client';
import { explain } from '#cli/explain';
import { OutputGone } from '#cli/output/print';
import { CairnError } from '#domain/errors';
import { ObjectStoreError } from '#platform/objects/s3/s3-error';
import { ServiceUnavailable } from '#platform/service-unavailable';

it.each([
  ['help was asked for', new CommanderError(0, 'commander.help', '(help)'), 0],
  ['an option is unknown', new CommanderError(1, 'commander.unknownOption', 'unknown option'), 2],
  ['a filter is wrong', new CairnError('INVALID_FILTER', 'x'), 2],
  ['a cursor is of another list', new PlatformError('INVALID_CURSOR', 'x'), 2],
  ['the key is wrong', new PlatformError('UNAUTHENTICATED', 'x'), 2],
  ['the event is not sealed yet', new CairnError('NOT_SEALED', 'x'), 1],
  ['a proof does not hold', new CairnError('CORRUPT', 'x'), 1],
  ['the platform met a damaged file', new PlatformError('CORRUPT', 'x'), 3],
  ['the platform does not answer', new CairnError('UNAVAILABLE', 'x'), 3],
  ['the platform failed', new PlatformError('INTERNAL', 'x'), 3],
  ['the disk is full', Object.assign(new Error('no space left'), { code: 'ENOSPC' }), 3],
  ['it is a bug', new TypeError('x'), 3],
  ['the reader of a pipe has gone', new OutputGone(undefined), 141],
])('when %s', (_what, error, code) => {
  expect(explain(error).code).toBe(code);
});

it('says where the fault lies', () => {
  const error = new CairnError('INVALID_FILTER', 'There is no such field.', { path: 'column 14' });
  expect(explain(error).text).toBe('INVALID_FILTER (column 14): There is no such field.');
});

it('does not say it twice', () => {
  const error = new CairnError('INVALID_ARGUMENT', 'Not a proof: not JSON.', { path: 'not JSON' });
  expect(explain(error).text).toBe('INVALID_ARGUMENT: Not a proof: not JSON.');
});

it('keeps the words of others from moving the cursor of a terminal', () => {
  expect(explain(new PlatformError('INTERNAL', 'a\u001b[2Jb')).text).toBe('INTERNAL: a\\u001b[2Jb');
});

it('says which service is away and why, without a stack', () => {
  const cause = new Error('Error: connect ECONNREFUSED 127.0.0.1:9');
  expect(explain(new ServiceUnavailable('S3', { cause }))).toEqual({
    text: 'UNAVAILABLE: S3 cannot be reached or does not answer in time. (Error: connect ECONNREFUSED 127.0.0.1:9)',
    code: EXIT.unavailable,
  });
  const denied = new ObjectStoreError('denied', 'S3 denied s3:GetObject', {
    cause: new Error('AccessDenied'),
  });
  expect(explain(denied).text).toBe('UNAVAILABLE: S3 denied s3:GetObject (AccessDenied)');
});

it('keeps the stack of a bug, and says nothing about a reader who left', () => {
  expect(explain(new TypeError('x')).text).toContain('explain.test');
  expect(explain(new OutputGone(undefined)).text).toBe('');
});
