import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientAddress, parseProxies, sourceNetwork, type ForwardedHeader } from './client-address.js';

const behind = (proxies: string, header: ForwardedHeader = 'x-forwarded-for') => ({
  addresses: parseProxies(proxies)!,
  header,
});

describe('the address of a caller', () => {
  it("is the connection's where the other end is no trusted proxy, whatever a header says", () => {
    fc.assert(
      fc.property(fc.string(), fc.ipV4(), (header, remote) => {
        expect(clientAddress(remote, header, behind(''))).toBe(remote);
        fc.pre(!remote.startsWith('127.'));
        expect(clientAddress(remote, header, behind('loopback'))).toBe(remote);
      }),
    );
  });

  it('is the nearest that is not trusted, and nothing that stands left of it counts', () => {
    const trusted = behind('loopback, 10.0.0.0/8, fd00::/8');
    fc.assert(
      fc.property(fc.string(), fc.array(fc.constantFrom('10.1.2.3', 'fd00::7', '127.0.0.1')), (claim, proxies) => {
        const header = [claim, '203.0.113.7', ...proxies].join(', ');
        expect(clientAddress('::ffff:127.0.0.1', header, trusted)).toBe('203.0.113.7');
      }),
    );
  });

  it('is the last trusted proxy where its word is no address', () => {
    const trusted = behind('10.0.0.0/8');
    for (const header of [undefined, '', 'unknown', '203.0.113.7, _hidden', '203.0.113.7, 999.1.1.1']) {
      expect(clientAddress('10.0.0.1', header, trusted)).toBe('10.0.0.1');
    }
  });

  it('is read from Forwarded (RFC 7239) where that is the header of the proxies, and from no other', () => {
    const trusted = behind('10.0.0.1', 'forwarded');
    const read = (header: string): string => clientAddress('10.0.0.1', header, trusted);
    expect(read('for=192.0.2.43, for="[2001:db8:cafe::17]:4711"')).toBe('2001:db8:cafe::17');
    expect(read('For="198.51.100.17:8080";proto=http;by=203.0.113.43')).toBe('198.51.100.17');
    expect(read('for=192.0.2.43;proto=https, for=10.0.0.1')).toBe('192.0.2.43');
    expect(read('proto=https')).toBe('10.0.0.1');
  });

  it('never is anything but an address', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom<ForwardedHeader>('x-forwarded-for', 'forwarded'), (header, name) => {
        expect(clientAddress('10.0.0.1', header, behind('0.0.0.0/0', name))).toMatch(/^[0-9a-f:.]+$/);
      }),
    );
  });
});

describe('trusted proxies', () => {
  it('are addresses, networks and loopback, and nothing else', () => {
    for (const good of ['', 'loopback', '10.0.0.1', '10.0.0.0/8, 2001:db8::/32', '::1']) {
      expect(parseProxies(good)).not.toBeNull();
    }
    for (const bad of ['proxy.example', '10.0.0.0/33', '10.0.0.0/8/8', '10.0.0.0/', '2001:db8::/129', '*', '10.0.0']) {
      expect(parseProxies(bad), bad).toBeNull();
    }
  });
});

describe('a source network', () => {
  it('is an IPv4 address, and the /64 of an IPv6 address however it is written', () => {
    expect(sourceNetwork('192.0.2.1')).toBe('192.0.2.1');
    for (const same of ['2001:db8:0:1::5', '2001:db8::1:a:b:c:d', '2001:0db8:0000:0001:ffff:0:0:1']) {
      expect(sourceNetwork(same)).toBe('2001:db8:0:1::/64');
    }
    expect(sourceNetwork('::1')).toBe('0:0:0:0::/64');
  });
});
