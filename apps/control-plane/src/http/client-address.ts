/**
 * Who is at the other end of a request: the address of the connection, or, where that is a trusted proxy, what the proxy says.
 * A header is read from its right end, where the nearest proxy wrote, and no further than the first address that is not trusted:
 * everything left of it is that one's claim.
 */
import { BlockList, isIP } from 'node:net';

export type ForwardedHeader = 'x-forwarded-for' | 'forwarded';

export interface TrustedProxies {
  readonly addresses: BlockList;
  /** The one header that the proxies write. The other is not read, for a proxy that does not know it passes it on as it came. */
  readonly header: ForwardedHeader;
}

/** 'loopback', addresses and CIDR networks, separated by commas. @returns null when one of them is neither */
export function parseProxies(text: string): BlockList | null {
  const list = new BlockList();
  for (const part of text.split(',').map((p) => p.trim())) {
    if (part === '') continue;
    if (part === 'loopback') {
      list.addSubnet('127.0.0.0', 8, 'ipv4');
      list.addAddress('::1', 'ipv6');
    } else if (!addNetwork(list, part)) return null;
  }
  return list;
}

function addNetwork(list: BlockList, text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  if (prefix === undefined) list.addAddress(address, family);
  else if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > (version === 4 ? 32 : 128)) return false;
  else list.addSubnet(address, Number(prefix), family);
  return true;
}

const isTrusted = ({ addresses }: TrustedProxies, address: string): boolean =>
  addresses.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

export function clientAddress(
  remote: string | undefined,
  header: string | readonly string[] | undefined,
  trusted: TrustedProxies,
): string {
  let address = addressIn(remote ?? '') ?? '';
  const hops = (typeof header === 'string' ? header : (header ?? []).join(',')).split(',');
  const read = trusted.header === 'forwarded' ? forwardedFor : addressIn;
  while (address !== '' && isTrusted(trusted, address)) {
    const hop = hops.pop()?.trim();
    const next = hop ? read(hop) : undefined;
    // What a trusted proxy wrote and is no address ("unknown", "_hidden") ends the way: the proxy itself is who we know.
    if (next === undefined) break;
    address = next;
  }
  return address;
}

/** The `for` of one forwarded-element (RFC 7239, sections 4 and 6). */
function forwardedFor(element: string): string | undefined {
  for (const pair of element.split(';')) {
    const [name = '', ...value] = pair.split('=');
    if (name.trim().toLowerCase() === 'for')
      return addressIn(
        value
          .join('=')
          .trim()
          .replace(/^"(.*)"$/, '$1'),
      );
  }
  return undefined;
}

/** An address without port and brackets; IPv4 within IPv6 (RFC 4291, section 2.5.5.2) as IPv4. */
export function addressIn(text: string): string | undefined {
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([^:]*)(?::\d+)?$/.exec(text)?.[1] ?? text;
  const address = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1] ?? bare.toLowerCase();
  return isIP(address) === 0 ? undefined : address;
}

/** What attempts are counted by: an IPv4 address, or the /64 that one IPv6 customer has at least (RFC 6177). */
export function sourceNetwork(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail = ''] = address.split('::');
  const before = head.split(':').filter(Boolean);
  const after = tail.split(':').filter(Boolean);
  const zeros = address.includes('::') ? Math.max(0, 8 - before.length - after.length) : 0;
  const groups = [...before, ...Array<string>(zeros).fill('0'), ...after].slice(0, 4);
  return `${groups.map((g) => g.replace(/^0+(?=.)/, '')).join(':')}::/64`;
}
