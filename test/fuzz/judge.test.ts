import { expect, test } from 'vitest';
import { judge } from '#test/fuzz/judge';

const json = 'application/json';

test.each([
  ['an answer', { status: 200, type: json, text: '{"data":{"a":1}}' }],
  ['a refusal', { status: 400, type: json, text: '{"error":{"code":"INVALID_JSON"}}' }],
  [
    'GraphQL’s own',
    { status: 400, type: json, text: '{"errors":[{"extensions":{"code":"GRAPHQL_PARSE_FAILED"}}]}' },
  ],
  ['an event that names codes', { status: 200, type: json, text: '{"data":{"errors":[{"code":"X"}]}}' }],
  ['silence', { status: 0, type: '', text: '' }],
])('%s passes', (_, answer) => {
  expect(judge(answer, ['secret'])).toEqual([]);
});

test.each([
  ['a masked failure', { status: 200, type: json, text: '{"errors":[{"extensions":{"code":"INTERNAL"}}]}' }],
  [
    'the same in a stream',
    {
      status: 200,
      type: 'text/event-stream',
      text: 'event: next\ndata: {"errors":[{"extensions":{"code":"INTERNAL"}}]}',
    },
  ],
  [
    'the same in a WebSocket',
    {
      status: 0,
      type: 'websocket',
      text: '{"type":"error","id":"1","payload":[{"extensions":{"code":"INTERNAL"}}]}',
    },
  ],
  ['a code of nobody', { status: 400, type: json, text: '{"error":{"code":"OOPS"}}' }],
  ['no code', { status: 400, type: json, text: '{"errors":[{"message":"x"}]}' }],
  ['a status', { status: 500, type: 'text/plain', text: '' }],
  ['a secret', { status: 200, type: json, text: '{"data":{"a":"the secret"}}' }],
])('%s is found', (_, answer) => {
  expect(judge(answer, ['secret'])).toHaveLength(1);
});
