import { BlockList, isIP } from 'node:net';

/**
 * Whether an address belongs to a machine that anyone on the internet could reach: not this machine, no private
 * or special network (IANA's special-purpose registries, RFC 6890), no cloud's inner address. IPv6 addresses
 * that stand for IPv4 ones are none: what they lead to depends on who translates.
 */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !SPECIAL.check(address, 'ipv4');
  return family === 6 && GLOBAL.check(address, 'ipv6') && !SPECIAL_WITHIN.check(address, 'ipv6');
}

const SPECIAL = blockList('ipv4', [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // shared by carriers; Alibaba's metadata
  '127.0.0.0/8', // loopback
  '168.63.129.16/32', // Azure's inner services
  '169.254.0.0/16', // link-local; metadata of most clouds
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments; Oracle's metadata
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
]);

/**
 * All that is assigned to unicast. Loopback, unspecified, mapped (::ffff:0:0/96), translated (64:ff9b::/96,
 * 64:ff9b:1::/48), discard, unique-local, link-local, site-local and multicast addresses lie beyond it.
 */
const GLOBAL = blockList('ipv6', ['2000::/3']);
const SPECIAL_WITHIN = blockList('ipv6', [
  '2001::/23', // protocol assignments, Teredo and ORCHID among them
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4
  '3fff::/20', // documentation
]);

function blockList(family: 'ipv4' | 'ipv6', networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    list.addSubnet(address, Number(bits), family);
  }
  return list;
}
