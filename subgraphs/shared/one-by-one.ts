import { Turns } from '#platform/turns';

/**
 * Does the expensive work of one request piece by piece: a page of 200 accounts would else fill the queue in
 * which the requests of others wait, and be refused by it.
 */
export function oneByOne<Context extends object>(): <T>(
  context: Context,
  work: () => Promise<T>,
) => Promise<T> {
  const turns = new WeakMap<Context, Turns>();
  return (context, work) => {
    const own = turns.get(context) ?? new Turns(1);
    turns.set(context, own);
    return own.take(work);
  };
}
