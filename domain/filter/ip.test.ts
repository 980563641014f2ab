import { isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contains, formatIp, formatNetwork, hexPrefixes, parseIp, parseNetwork } from '#domain/filter/ip';

const canonical = (text: string): string | undefined => {
  const hex = parseIp(text);
  return hex === undefined ? undefined : formatIp(hex);
};

/** What the URL standard makes of an address: an implementation that shares no code with ours. */
const urlHost = (address: string): string => new URL(`http://[${address}]/`).hostname.slice(1, -1);

describe('addresses', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['2001:DB8::0:1', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['10:0:0:0:0:0:0:0', '10::'],
    ['0:0:0:0:0:0:0:10', '::10'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['0:0:0:0:0:FFFF:c000:201', '192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['fe80::1%eth0', undefined],
    ['010.0.0.1', undefined],
    ['10.1', undefined],
    ['AWS Internal', undefined],
    ['s3.amazonaws.com', undefined],
    ['', undefined],
  ])('%s is %s', (text, expected) => {
    expect(canonical(text)).toBe(expected);
  });

  it('agree with the URL standard on every IPv6 spelling', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        fc.pre(isIPv6(address));
        const found = canonical(address);
        const mapped = found?.includes('.') ?? false;
        expect(mapped ? urlHost(`::ffff:${found}`) : found).toBe(urlHost(address));
      }),
      { numRuns: 2000 },
    );
    const sparse = fc.array(fc.constantFrom('0', '0', '0', '1', 'ab', 'f0f0'), {
      minLength: 8,
      maxLength: 8,
    });
    fc.assert(
      fc.property(sparse, (groups) => {
        expect(canonical(groups.join(':'))).toBe(urlHost(groups.join(':')));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('networks', () => {
  it.each([
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['10.1.2.3/31', '10.1.2.2/31'],
    ['10.1.2.3', '10.1.2.3/32'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:db8:ffff::/33', '2001:db8:8000::/33'],
    ['::1', '::1/128'],
    ['::ffff:10.9.9.9/104', '10.0.0.0/8'],
    ['::ffff:0:0/95', '::fffe:0:0/95'],
    ['10.0.0.0/33', undefined],
    ['10.0.0.0/', undefined],
    ['10.0.0.0/08', undefined],
    ['10.0.0.0/8/8', undefined],
    ['10.0.0/8', undefined],
    ['2001:db8::/129', undefined],
    ['host/8', undefined],
  ])('%s is %s', (text, expected) => {
    const network = parseNetwork(text);
    expect(network === undefined ? undefined : formatNetwork(network)).toBe(expected);
  });

  it('hold an address exactly when its first bits are theirs, and so do their digits', () => {
    const bits = (hex: string): string => BigInt(`0x1${hex}`).toString(2).slice(1);
    const pairs = fc.oneof(
      fc.tuple(fc.ipV4(), fc.ipV4(), fc.nat({ max: 32 })),
      fc.tuple(fc.ipV6(), fc.ipV6(), fc.nat({ max: 128 })),
      fc.tuple(fc.ipV4(), fc.ipV6(), fc.nat({ max: 32 })),
    );
    fc.assert(
      fc.property(pairs, fc.boolean(), ([base, other, size], same) => {
        const network = parseNetwork(`${base}/${size}`);
        const address = parseIp(same ? base : other);
        fc.pre(network !== undefined && address !== undefined);
        const expected =
          address.length === network.first.length &&
          bits(address).startsWith(bits(network.first).slice(0, network.prefixBits));
        expect(contains(network, address)).toBe(expected);
        const prefixes = hexPrefixes(network);
        expect(prefixes.length).toBeLessThanOrEqual(8);
        const sameKind = address.length === network.first.length;
        expect(sameKind && prefixes.some((prefix) => address.startsWith(prefix))).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });
});
