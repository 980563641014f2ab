interface Batch<Key, Value> {
  readonly keys: Map<Key, number>;
  readonly answer: Promise<readonly Value[]>;
}

/**
 * Joins the single look-ups of one request into one call: `_entities` resolves 50 references one by one, but in
 * the same turn of the event loop. `load` answers in the order of its keys; equal keys (===) are asked once.
 * Nothing is remembered beyond the batch, so a mutation never reads its own past.
 */
export function batchPerRequest<Context extends object, Key, Value>(
  load: (keys: readonly Key[], context: Context) => Promise<readonly Value[]>,
): (key: Key, context: Context) => Promise<Value> {
  const open = new WeakMap<Context, Batch<Key, Value>>();

  function start(context: Context): Batch<Key, Value> {
    const keys = new Map<Key, number>();
    // A microtask would be too early: resolvers reach their look-up after awaits of their own.
    const turn = new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
    const answer = turn.then(() => {
      open.delete(context);
      return load([...keys.keys()], context);
    });
    const batch = { keys, answer };
    open.set(context, batch);
    return batch;
  }

  return async (key, context) => {
    const { keys, answer } = open.get(context) ?? start(context);
    const index = keys.get(key) ?? keys.size;
    keys.set(key, index);
    const values = await answer;
    const value = values[index];
    if (values.length !== keys.size || value === undefined) {
      throw new Error(`A batch of ${keys.size} keys was answered with ${values.length} values.`);
    }
    return value;
  };
}
