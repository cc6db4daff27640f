/**
 * Web pages must not reach the API. A browser sends a page's requests to whatever address the page names, and says in
 * `Origin` whose page it is (Fetch, 3.2); a page that gives its own name the address of this machine (DNS rebinding) names
 * itself in `Host`.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { AgentError } from '../errors.js';

/** Names of this machine that no name server can give to another: RFC 6761, 6.3, and the loopback addresses. */
const localName = /^(localhost\.?|\[::1\]|127(\.[0-9]{1,3}){3})$/;

/** RFC 9110, 4.2.3: names are the same in whatever case, and without the port of http. */
const authorityOf = (host: string): string => host.toLowerCase().replace(/:80$/, '');

/**
 * @param loopback whether the server listens on this machine alone, where it is named by a local name
 * @throws AgentError `HOST_REFUSED`, `ORIGIN_REFUSED`
 */
export function refuseWebPages({ host = '', origin }: IncomingHttpHeaders, loopback: boolean): void {
  const authority = authorityOf(host);
  if (loopback && !localName.test(authority.replace(/:[0-9]*$/, ''))) {
    throw new AgentError(
      'HOST_REFUSED',
      'this API answers to localhost only; run the agent with --host to change that',
    );
  }
  // A page of this very server would be none of another; `null` is said for pages that hide whose they are.
  if (origin === undefined || authorityOf(origin.replace(/^http:\/\//i, '')) === authority) return;
  throw new AgentError('ORIGIN_REFUSED', `pages of ${JSON.stringify(origin)} may not use this API`);
}
