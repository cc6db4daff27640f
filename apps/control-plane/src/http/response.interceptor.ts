import type { ServerResponse } from 'node:http';
import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { Route } from '@verge/contracts';
import { map, type Observable } from 'rxjs';
import { entityTag, knownTag, stateRouteOf } from './entity-tag.js';
import type { HttpRequest } from './request.js';

/** The caller has this answer already (RFC 9110, section 15.4.5). Thrown, so that no body is sent; the filter answers 304. */
export class NotModified extends Error {
  override readonly name = 'NotModified';
}

/**
 * Holds an answer to its contract before it leaves: a field that the contract lacks is dropped, a wrong one fails here. An
 * answer that is the state of a thing gets an entity tag.
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

/** The path of which the answer is the state: that of a GET, or that of the thing which an operation changed and answers. */
function pathOfState(route: Route): string | undefined {
  if (route.method === 'GET') return route.path;
  const state = stateRouteOf(route)?.[1];
  return state && state.response === route.response ? state.path : undefined;
}
