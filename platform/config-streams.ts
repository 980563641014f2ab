import { variable, whole } from '#platform/variable';

/** How many streams (subscriptions) a process keeps open. */
export const STREAMS = {
  streams: variable(
    'CAIRN_STREAMS',
    whole(1, 100_000),
    '1000',
    'Streams (subscriptions) that a process keeps open at most, and WebSockets at each of its doors.',
  ),
  streamsPerKey: variable(
    'CAIRN_STREAMS_PER_KEY',
    whole(1, 100_000),
    '100',
    'Streams that one API key may have open at a process.',
  ),
  streamsPerConnection: variable(
    'CAIRN_STREAMS_PER_CONNECTION',
    whole(1, 1_000),
    '50',
    'Streams that one WebSocket may carry.',
  ),
};
