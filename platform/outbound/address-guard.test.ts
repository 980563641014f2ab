import { describe, expect, it } from 'vitest';
import { AddressGuard, TargetRefused } from '#platform/outbound/address-guard';
import { isPublicAddress } from '#platform/outbound/public-address';

const PUBLIC = ['8.8.8.8', '1.1.1.1', '172.15.255.255', '172.32.0.0', '100.63.255.255', '100.128.0.0'];
const PUBLIC_6 = ['2606:4700:4700::1111', '2a00:1450:4001:81b::200e', '2400:cb00::1'];
const NOT_PUBLIC: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.1', '127.255.255.254', '::1'],
  unspecified: ['0.0.0.0', '0.1.2.3', '::'],
  private: ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fc00::1', 'fd12:3456::1', 'fec0::1'],
  'link-local': ['169.254.1.1', 'fe80::1', 'fe80::1%eth0'],
  metadata: [
    '169.254.169.254',
    '169.254.170.2',
    '100.100.100.200',
    '192.0.0.192',
    '168.63.129.16',
    'fd00:ec2::254',
  ],
  shared: ['100.64.0.1', '100.127.255.255'],
  multicast: ['224.0.0.1', '239.255.255.250', 'ff02::1', 'ff0e::1'],
  documentation: ['192.0.2.1', '198.51.100.7', '203.0.113.9', '2001:db8::1', '3fff::1'],
  benchmark: ['198.18.0.1', '198.19.255.255'],
  reserved: ['240.0.0.1', '255.255.255.255', '192.0.0.1', '192.88.99.1', '100::1', '5f00::1'],
  mapped: ['::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:10.0.0.1', '::ffff:8.8.8.8', '::127.0.0.1'],
  translated: ['64:ff9b::7f00:1', '64:ff9b::8.8.8.8', '64:ff9b:1::a00:1'],
  tunnelled: [
    '2002:7f00:1::1',
    '2002:a00:1::',
    '2001::1',
    '2001:0:4136:e378:8000:63bf:3fff:fdd2',
    '2001:20::1',
  ],
  none: ['', 'localhost', '127.1', '0x7f000001', '1.2.3.4.5'],
};

/** The way a name is resolved decides; here it says what the test wants. */
function guard(
  networks: readonly string[],
  names: Readonly<Record<string, readonly string[]>> = {},
): AddressGuard {
  const resolve = (host: string): Promise<readonly string[]> => {
    const found = names[host];
    return found === undefined ? Promise.reject(new Error(`ENOTFOUND ${host}`)) : Promise.resolve(found);
  };
  return new AddressGuard({ networks, resolve });
}

async function fault(one: AddressGuard, address: string): Promise<string> {
  const refusal: unknown = await one.check(address).catch((error: unknown) => error);
  return refusal instanceof TargetRefused ? refusal.fault : 'allowed';
}

const literal = (address: string): string => (address.includes(':') ? `[${address}]` : address);

describe('an address', () => {
  it.each([...PUBLIC, ...PUBLIC_6])('%s is public', async (address) => {
    expect(isPublicAddress(address)).toBe(true);
    expect(await fault(guard([]), `https://${literal(address)}/`)).toBe('allowed');
  });

  it.each(Object.entries(NOT_PUBLIC))('that is %s is not public', async (_, addresses) => {
    for (const address of addresses) {
      expect([address, isPublicAddress(address)]).toEqual([address, false]);
      const named = guard([], { 'hooks.example.com': [address] });
      expect([address, await fault(named, 'https://hooks.example.com/')]).toEqual([address, 'NOT_ALLOWED']);
    }
  });

  it('is the same in every spelling that URLs know', async () => {
    for (const host of [
      '2130706433',
      '0x7f000001',
      '0x7f.1',
      '0177.0.0.1',
      '017700000001',
      '127.1',
      '127.0.0.1.',
      '%31%32%37.0.0.1',
      '１２７.0.0.1',
      '127。0。0。1',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '[0:0:0:0:0:ffff:7f00:0001]',
      '[::1]',
      '[0000::0001]',
    ]) {
      expect([host, await fault(guard([]), `https://${host}/`)]).toEqual([host, 'NOT_ALLOWED']);
    }
    expect(await guard(['127.0.0.0/8']).check('http://0x7f.1:8080/hook?token=x')).toEqual({
      origin: 'http://127.0.0.1:8080',
      path: '/hook?token=x',
      addresses: ['127.0.0.1'],
    });
  });
});

describe('networks that are allowed', () => {
  it('are reached, others are not', async () => {
    const some = guard(['10.1.0.0/16', '192.168.7.7', 'fd12::/16']);
    for (const host of ['10.1.2.3', '192.168.7.7', '[fd12::7]', '[::ffff:10.1.2.3]']) {
      expect([host, await fault(some, `https://${host}/`)]).toEqual([host, 'allowed']);
    }
    for (const host of ['10.2.0.1', '192.168.7.8', '[fd13::7]', '127.0.0.1', '[64:ff9b::a01:203]']) {
      expect([host, await fault(some, `https://${host}/`)]).toEqual([host, 'NOT_ALLOWED']);
    }
  });

  it('are the only ones for plain HTTP', async () => {
    const some = guard(['10.0.0.0/8']);
    expect(await fault(some, 'http://10.1.2.3/')).toBe('allowed');
    expect(await fault(some, 'http://8.8.8.8/')).toBe('NOT_HTTPS');
    expect(await fault(some, 'http://192.168.1.1/')).toBe('NOT_ALLOWED');
  });
});

describe('a name', () => {
  it('is refused when one of its addresses is not allowed', async () => {
    const names = { 'two.example': ['8.8.8.8', '10.0.0.1'], 'six.example': ['8.8.8.8', '::1'] };
    for (const host of Object.keys(names)) {
      expect(await fault(guard([], names), `https://${host}/`)).toBe('NOT_ALLOWED');
    }
    expect(await guard(['10.0.0.0/8'], names).check('https://two.example/')).toMatchObject({
      addresses: ['8.8.8.8', '10.0.0.1'],
    });
  });

  it('is asked for each time: what was checked is what is given, whatever it says next', async () => {
    const answers = [['8.8.8.8'], ['127.0.0.1']];
    const resolve = (): Promise<readonly string[]> => Promise.resolve(answers.shift() ?? []);
    const one = new AddressGuard({ networks: [], resolve });
    expect((await one.check('https://rebind.example/')).addresses).toEqual(['8.8.8.8']);
    expect(await fault(one, 'https://rebind.example/')).toBe('NOT_ALLOWED');
    expect(await fault(one, 'https://rebind.example/')).toBe('UNKNOWN_HOST');
  });

  it('that nobody knows, or whose resolver says nothing, is refused in time', async () => {
    expect(await fault(guard([]), 'https://nobody.example/')).toBe('UNKNOWN_HOST');
    const silent = new AddressGuard({ networks: [], resolve: () => new Promise(() => {}), resolveMs: 20 });
    expect(await fault(silent, 'https://silent.example/')).toBe('UNKNOWN_HOST');
  });

  it('of this machine is found by its own resolver', async () => {
    expect(await fault(new AddressGuard({ networks: [] }), 'https://localhost/')).toBe('NOT_ALLOWED');
    const allowed = new AddressGuard({ networks: ['127.0.0.0/8', '::1'] });
    expect(await fault(allowed, 'http://localhost:8080/')).toBe('allowed');
  });
});

describe('a URL', () => {
  it.each([
    'hooks.example.com',
    '//hooks.example.com',
    'ftp://hooks.example.com/',
    'file:///etc/passwd',
    'data:text/plain,x',
    'https://user@hooks.example.com/',
    'https://user:secret@hooks.example.com/',
    'https://hooks.example.com/#fragment',
    'https://',
    'https://[::1',
    'https://256.1.1.1/',
    'https://[fe80::1%25eth0]/',
    `https://hooks.example.com/${'x'.repeat(2_048)}`,
  ])('%s is refused', async (address) => {
    const one = guard([], { 'hooks.example.com': ['8.8.8.8'] });
    expect(await fault(one, address)).toBe('MALFORMED');
  });

  it('is never quoted by a refusal', async () => {
    for (const address of [
      'https://nobody.example/secret?token=secret',
      'http://8.8.8.8/secret',
      'ftp://secret',
    ]) {
      const refusal = await guard([])
        .check(address)
        .catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(TargetRefused);
      expect(String(refusal)).not.toMatch(/secret|nobody|8\.8/);
      expect((refusal as TargetRefused).cause).toBeUndefined();
    }
  });
});
