/**
 * A doorbell between processes. Messages are short strings (1 to 7,999 bytes of UTF-8: PostgreSQL's limit),
 * at most once, in no promised order; whoever hears one reads the truth elsewhere, so losing one costs only
 * time. Channels are 1 to 50 characters of `a-z`, `0-9` and `_`.
 */
export interface PubSub {
  publish(channel: string, message: string): Promise<void>;
  /**
   * Listening when it resolves. The listener hears an empty message when others may have been lost (the
   * connection was, and is there again): time to look for oneself. The returned function ends the subscription.
   */
  subscribe(channel: string, listener: (message: string) => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

const CHANNEL = /^[a-z0-9_]{1,50}$/;
const MAX_MESSAGE_BYTES = 7_999;

/** Throws a RangeError that names the rule; every implementation refuses the same. */
export function checkChannel(channel: string): void {
  if (!CHANNEL.test(channel)) throw new RangeError('A channel is 1 to 50 characters of a-z, 0-9 and _.');
}

export function checkMessage(message: string): void {
  const size = Buffer.byteLength(message);
  if (size === 0 || size > MAX_MESSAGE_BYTES) {
    throw new RangeError(`A message is 1 to ${MAX_MESSAGE_BYTES} bytes; this one is ${size}.`);
  }
}
