import type { ServerResponse } from 'node:http';
import { clientAddress, type TrustedProxies } from '../http/client-address.js';
import type { HttpRequest } from '../http/request.js';

/** Names the network address that each request comes from. */
export const sourceOf =
  (trusted: TrustedProxies) =>
  (request: HttpRequest, _response: ServerResponse, next: () => void): void => {
    request.source = clientAddress(request.socket.remoteAddress, request.headers[trusted.header], trusted);
    next();
  };
