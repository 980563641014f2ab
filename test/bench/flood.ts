/**
 * A caller without manners, as a process of its own: as many requests at once as it has connections, the next as soon
 * as one is answered, whatever the answer was. Told by its parent where and what; ends with it.
 */
import { Agent } from 'node:http';
import { bodiesOf, generate, post } from '#test/bench/load';

export interface FloodOrder {
  readonly url: string;
  readonly apiKey: string;
  readonly account: string;
  /** Connections that ask, and connections that send bodies. */
  readonly askers: number;
  readonly senders: number;
  /** Every flood sends events that no other has. */
  readonly run: number;
}

/** What came of it, by status, or by the code of the connection's error: said every second. */
export type FloodTally = Readonly<Record<string, number>>;

const BODIES = 20;
const BODY_EVENTS = 10_000;
/** A cost of 802: with one more page it would be over what one operation may have. */
const ALIASES = 2;
const FIELDS = `edges { node { eventId eventName eventSource username userAgent sourceIPAddress raw } }`;
const EXPENSIVE = JSON.stringify({
  query: `query Flood { ${Array.from({ length: ALIASES }, (_, index) => `a${index}: events(first: 200) { ${FIELDS} }`).join(' ')} }`,
});

process.once('message', (order: FloodOrder) => void flood(order));
process.once('disconnect', () => process.exit());

async function flood({ url, apiKey, account, askers, senders, run }: FloodOrder): Promise<void> {
  const target = { url, apiKey, agent: new Agent({ keepAlive: true }) };
  const tally: Record<string, number> = {};
  setInterval(() => process.send?.(tally), 1_000);
  const repeat = async (work: (turn: number) => Promise<{ readonly status: number }>): Promise<void> => {
    for (let turn = 0; ; turn += 1) {
      const answer = await work(turn).then(({ status }) => String(status), codeOf);
      tally[answer] = (tally[answer] ?? 0) + 1;
    }
  };
  const bodies = senders === 0 ? [] : bodiesOf(generate(run, BODIES * BODY_EVENTS, undefined, [account]));
  process.send?.(tally);
  await Promise.all([
    ...Array.from({ length: askers }, () => repeat(() => post(target, '/graphql', EXPENSIVE))),
    ...Array.from({ length: senders }, (_, sender) =>
      repeat((turn) => post(target, '/v1/events', bodies[(sender + turn * senders) % BODIES] ?? '')),
    ),
  ]);
}

/** A connection that was cut is answered, too. */
function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error) return String(error.code);
  throw error;
}
