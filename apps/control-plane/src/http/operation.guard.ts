import type { ServerResponse } from 'node:http';
import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { routes, type Route, type RouteName } from '@verge/contracts';
import { AuthenticationService, type GuardedRoute } from '../access/authentication.service.js';
import { holderOf } from '../access/holders.js';
import { OpenStreams } from '../access/open-streams.js';
import { readJsonBody } from './json-body.js';
import { checkMediaType } from './media-type.js';
import { OPEN_PATH, OPERATION } from './operation.js';
import { ProblemError } from './problem-error.js';
import type { AnyCaller, HttpRequest } from './request.js';
import { validateInput } from './validate.js';

/**
 * In front of every handler: who calls, whether they may, and whether what they send is what the contract says. A
 * handler that is bound to no operation and not marked open is refused.
 */
@Injectable()
export class OperationGuard implements CanActivate {
  constructor(
    @Inject(Reflector) private readonly reflector: Reflector,
    @Inject(AuthenticationService) private readonly authentication: AuthenticationService,
    @Inject(OpenStreams) private readonly streams: OpenStreams,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const handler = context.getHandler();
    const name = this.reflector.get<RouteName | undefined>(OPERATION, handler);
    if (!name) return this.reflector.get<boolean | undefined>(OPEN_PATH, handler) === true;
    const route: Route = routes[name];
    const request = context.switchToHttp().getRequest<HttpRequest>();
    request.asked = name;
    const caller = isGuarded(route) ? await this.admit(request, name, route, context) : null;
    const params = { ...request.params };
    refuseBadEncoding(request);
    if (route.rawBody) checkMediaType(request, ['application/octet-stream'], 'taken');
    const body = route.body ? await readJsonBody(request, name) : undefined;
    const valid = validateInput(route, { params, query: { ...request.query }, body });
    request.operation = { name, route, caller, params, ...valid };
    return true;
  }

  private async admit(
    request: HttpRequest,
    name: RouteName,
    route: GuardedRoute,
    context: ExecutionContext,
  ): Promise<AnyCaller> {
    const caller = await this.authentication.admit(request, name, route);
    if (route.stream || route.rawBody) {
      // What may go on for long ends with the right to it.
      const response = context.switchToHttp().getResponse<ServerResponse>();
      response.once(
        'close',
        this.streams.add(holderOf(caller, route.role), () => response.destroy()),
      );
    }
    return caller;
  }
}

const isGuarded = (route: Route): route is GuardedRoute => route.role !== 'public';

/** The query parser reads percent-encoded bytes that are not UTF-8 as U+FFFD; what was meant is not known then. */
function refuseBadEncoding(request: HttpRequest): void {
  const [, query = ''] = request.originalUrl.split('?', 2);
  try {
    decodeURIComponent(query);
  } catch (cause) {
    const bad = [{ field: '?', detail: 'expected percent-encoded UTF-8' }];
    throw new ProblemError('MALFORMED_BODY', 'the query is not percent-encoded UTF-8', bad, { cause });
  }
}
