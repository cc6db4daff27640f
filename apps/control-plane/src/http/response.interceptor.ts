import type { ServerResponse } from 'node:http';
import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { madeBy, pathOfState, routeUrl, type Route } from '@verge/contracts';
import { map, type Observable } from 'rxjs';
import { entityTag, knownTag } from './entity-tag.js';
import type { HttpRequest } from './request.js';

/** The caller has this answer already (RFC 9110, section 15.4.5). Thrown, so that no body is sent; the filter answers 304. */
export class NotModified extends Error {
  override readonly name = 'NotModified';
}

/**
 * Holds an answer to its contract before it leaves: a field that the contract lacks is dropped, a wrong one fails here. An
 * answer that is the state of a thing gets an entity tag, and one that tells of a new thing says where it is.
 */
@Injectable()
export class ResponseInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<HttpRequest>();
    const response = context.switchToHttp().getResponse<ServerResponse>();
    const route = request.operation?.route;
    const schema = route?.response;
    if (!route || !schema) return next.handle();
    return next.handle().pipe(
      map((answer: unknown) => {
        if (answer === undefined) return answer;
        const parsed = schema.parse(answer);
        const location = locationOf(route, request.operation?.params ?? {}, parsed);
        if (location !== undefined) response.setHeader('location', location);
        const path = pathOfState(route);
        if (path === undefined) return parsed;
        const text = JSON.stringify(parsed);
        const tag = entityTag(path, parsed, text);
        const asked = route.method === 'GET' ? request.headers['if-none-match'] : undefined;
        const known = asked === undefined ? undefined : knownTag(asked, tag);
        response.setHeader('etag', known ?? tag);
        if (known !== undefined) throw new NotModified();
        if (!response.hasHeader('content-type')) response.setHeader('content-type', 'application/json; charset=utf-8');
        return text;
      }),
    );
  }
}

/** Where what was made is found (RFC 9110, section 10.2.2). */
function locationOf(route: Route, params: Record<string, string>, answer: unknown): string | undefined {
  const made = madeBy(route);
  if (!made || typeof answer !== 'object' || answer === null || !('id' in answer)) return undefined;
  return routeUrl(made.route, { ...params, [made.parameter]: String(answer.id) });
}
