/** Messages remembered; more than a service that is away comes up with. */
const REMEMBERED = 100;
const MINUTE_MS = 60_000;

/**
 * Tells of the same failure once a minute at most: connections try again several times a second for as long as
 * a server is away, and a log that says nothing else is no help.
 */
export function seldom(
  tell: (error: unknown) => void,
  now: () => number = () => performance.now(),
): (error: unknown) => void {
  const told = new Map<string, number>();
  return (error) => {
    const text = error instanceof Error ? error.message : String(error);
    const last = told.get(text);
    if (last !== undefined && now() - last < MINUTE_MS) return;
    // In the order of the last telling, so that the oldest goes first.
    told.delete(text);
    told.set(text, now());
    const [oldest] = told.keys();
    if (told.size > REMEMBERED && oldest !== undefined) told.delete(oldest);
    tell(error);
  };
}
