import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PubSub } from '#platform/pubsub/pubsub';

/** What every doorbell must do. `open` gives another end of the same one at each call, as two processes have. */
export function describePubSub(name: string, open: () => Promise<PubSub>): void {
  describe(`${name} is a doorbell`, () => {
    let here: PubSub;
    let there: PubSub;

    beforeEach(async () => {
      here = await open();
      there = await open();
    });

    afterEach(async () => {
      await here.close();
      await there.close();
    });

    it('carries a message to every listener of the channel, in both ends, and to nobody else', async () => {
      const first = heard();
      const second = heard();
      const other = heard();
      await here.subscribe('head', first.listen);
      await there.subscribe('head', second.listen);
      await there.subscribe('keys', other.listen);
      await here.publish('head', '42 é\n');
      await here.publish('keys', 'end');
      expect(await first.next()).toBe('42 é\n');
      expect(await second.next()).toBe('42 é\n');
      expect(await other.next()).toBe('end');
      expect([...first.rest(), ...second.rest(), ...other.rest()]).toEqual([]);
    });

    it('does not carry to an ended subscription, and goes on for the others of the channel', async () => {
      const stays = heard();
      const leaves = heard();
      const leave = await here.subscribe('head', leaves.listen);
      await here.subscribe('head', stays.listen);
      await leave();
      await leave();
      await there.publish('head', 'after');
      expect(await stays.next()).toBe('after');
      expect(leaves.rest()).toEqual([]);
    });

    it('can be subscribed again after the last listener left', async () => {
      const leave = await here.subscribe('head', () => undefined);
      const again = heard();
      const [, back] = await Promise.all([leave(), here.subscribe('head', again.listen)]);
      await there.publish('head', 'once');
      expect(await again.next()).toBe('once');
      await back();
    });

    it('goes on when a listener throws', async () => {
      const good = heard();
      await here.subscribe('head', () => {
        throw new Error('a listener of the test');
      });
      await here.subscribe('head', good.listen);
      await there.publish('head', 'one');
      await there.publish('head', 'two');
      expect([await good.next(), await good.next()].toSorted()).toEqual(['one', 'two']);
    });

    it('refuses channels and messages that not every implementation could carry', async () => {
      const listen = (): void => undefined;
      await expect(here.publish('head; DROP', 'x')).rejects.toThrow(RangeError);
      await expect(here.subscribe('Head', listen)).rejects.toThrow(RangeError);
      await expect(here.publish('x'.repeat(51), 'x')).rejects.toThrow(RangeError);
      await expect(here.publish('head', '')).rejects.toThrow(RangeError);
      await expect(here.publish('head', 'é'.repeat(4_000))).rejects.toThrow('7999 bytes; this one is 8000');
    });

    it('carries the longest message that it promises', async () => {
      const long = heard();
      await here.subscribe('x'.repeat(50), long.listen);
      await there.publish('x'.repeat(50), 'm'.repeat(7_999));
      expect(await long.next()).toHaveLength(7_999);
    });

    it('refuses to subscribe after close; closing twice is closing once', async () => {
      await here.close();
      await here.close();
      await expect(here.subscribe('head', () => undefined)).rejects.toThrow('closed');
    });
  });
}

/** A listener whose messages can be awaited one by one. */
export function heard(): {
  listen: (message: string) => void;
  next: () => Promise<string>;
  rest: () => string[];
} {
  const messages: string[] = [];
  const waiting: ((message: string) => void)[] = [];
  return {
    listen: (message) => {
      const waiter = waiting.shift();
      if (waiter === undefined) messages.push(message);
      else waiter(message);
    },
    next: () => {
      const message = messages.shift();
      if (message !== undefined) return Promise.resolve(message);
      return new Promise((resolve) => waiting.push(resolve));
    },
    rest: () => messages.splice(0),
  };
}
