/**
 * A doorbell between processes. Messages are short strings (under 8,000 bytes: PostgreSQL's limit), at most
 * once, in no promised order; whoever hears one reads the truth elsewhere, so losing one costs only time.
 */
export interface PubSub {
  publish(channel: string, message: string): Promise<void>;
  /** The returned function ends the subscription. */
  subscribe(channel: string, listener: (message: string) => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
}
