import { isIPv4, isIPv6 } from 'node:net';

/** An address as hexadecimal digits: 8 for IPv4, 32 for IPv6. */
export type IpHex = string;

export interface Network {
  /** The first address: host bits are zero. */
  readonly first: IpHex;
  readonly prefixBits: number;
}

const V4_DIGITS = 8;
/** `::ffff:0:0/96`: IPv4 addresses written as IPv6 (RFC 4291, 2.5.5.2) are IPv4 addresses here. */
const MAPPED = '00000000000000000000ffff';
const BITS_PER_DIGIT = 4;

/** Undefined when the text is no address: a host name, `AWS Internal`, octal or shortened IPv4, a zone id. */
export function parseIp(text: string): IpHex | undefined {
  if (isIPv4(text)) return v4Hex(text);
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const hex = v6Hex(text);
  return hex.startsWith(MAPPED) ? hex.slice(MAPPED.length) : hex;
}

/** `address/bits` or a single address; undefined when it is neither. */
export function parseNetwork(text: string): Network | undefined {
  const [address = '', bits, ...rest] = text.split('/');
  const hex = parseIp(address);
  if (hex === undefined || rest.length > 0) return undefined;
  const isMapped = hex.length === V4_DIGITS && address.includes(':');
  const size = isMapped ? 128 : hex.length * BITS_PER_DIGIT;
  if (bits !== undefined && !/^(?:0|[1-9]\d{0,2})$/.test(bits)) return undefined;
  const written = bits === undefined ? size : Number(bits);
  if (written > size) return undefined;
  // A mapped network shorter than /96 holds IPv6 addresses too, and means those.
  if (isMapped && written < 96) return { first: masked(MAPPED + hex, written), prefixBits: written };
  const prefixBits = isMapped ? written - 96 : written;
  return { first: masked(hex, prefixBits), prefixBits };
}

export function contains({ first, prefixBits }: Network, address: IpHex): boolean {
  return address.length === first.length && masked(address, prefixBits) === first;
}

/** RFC 5952: lower case, no leading zeros, the longest run of zero groups as `::`. */
export function formatIp(hex: IpHex): string {
  if (hex.length === V4_DIGITS) {
    return (hex.match(/../g) ?? []).map((octet) => Number.parseInt(octet, 16)).join('.');
  }
  const groups = (hex.match(/.{4}/g) ?? []).map((group) => group.replace(/^0{1,3}/, ''));
  const text = groups.join(':');
  const zeros = (text.match(/(?<![\da-f])0(?::0)+(?![\da-f])/g) ?? []).toSorted(
    (a, b) => b.length - a.length,
  );
  const longest = zeros[0];
  return longest === undefined ? text : text.replace(longestRun(longest), '::');
}

export function formatNetwork({ first, prefixBits }: Network): string {
  return `${formatIp(first)}/${prefixBits}`;
}

/**
 * The hexadecimal beginnings that the network's addresses have, at most 8: a network that does not end on a
 * digit covers 2, 4 or 8 values of the next one.
 */
export function hexPrefixes({ first, prefixBits }: Network): string[] {
  const whole = Math.floor(prefixBits / BITS_PER_DIGIT);
  const rest = prefixBits % BITS_PER_DIGIT;
  const head = first.slice(0, whole);
  if (rest === 0) return [head];
  const from = Number.parseInt(first.charAt(whole), 16);
  return Array.from({ length: 2 ** (BITS_PER_DIGIT - rest) }, (_, i) => head + (from + i).toString(16));
}

function longestRun(zeros: string): RegExp {
  return new RegExp(`(?:^|:)(?<![\\da-f])${zeros}(?![\\da-f])(?::|$)`);
}

function masked(hex: IpHex, bits: number): IpHex {
  const whole = Math.floor(bits / BITS_PER_DIGIT);
  const rest = bits % BITS_PER_DIGIT;
  const head = hex.slice(0, whole);
  if (rest === 0) return head.padEnd(hex.length, '0');
  const digit = Number.parseInt(hex.charAt(whole), 16) & (0xf << (BITS_PER_DIGIT - rest));
  return (head + (digit & 0xf).toString(16)).padEnd(hex.length, '0');
}

function v4Hex(text: string): IpHex {
  return text
    .split('.')
    .map((octet) => Number(octet).toString(16).padStart(2, '0'))
    .join('');
}

/** `text` is a valid IPv6 address. */
function v6Hex(text: string): IpHex {
  const dotted = text.lastIndexOf(':') + 1;
  const isMixed = text.includes('.');
  const tail = isMixed ? v4Hex(text.slice(dotted)) : '';
  const [before = '', after] = (isMixed ? text.slice(0, dotted).replace(/(?<!:):$/, '') : text).split('::');
  const head = groupsHex(before);
  const end = groupsHex(after ?? '') + tail;
  return head + '0'.repeat(32 - head.length - end.length) + end;
}

function groupsHex(text: string): string {
  return text === ''
    ? ''
    : text
        .split(':')
        .map((group) => group.padStart(4, '0').toLowerCase())
        .join('');
}
