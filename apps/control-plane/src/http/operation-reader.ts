/** Asks an operation for its answer from within: what a GET would say now, to the caller of another operation. */
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { DiscoveryService, ExternalContextCreator, MetadataScanner, Reflector } from '@nestjs/core';
import type { Route, RouteName } from '@verge/contracts';
import { OPERATION } from './operation.js';
import type { HttpRequest } from './request.js';

type Handler = (request: HttpRequest) => Promise<unknown>;

@Injectable()
export class OperationReader implements OnModuleInit {
  private readonly handlers = new Map<string, Handler>();

  constructor(
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
    @Inject(MetadataScanner) private readonly scanner: MetadataScanner,
    @Inject(Reflector) private readonly reflector: Reflector,
    @Inject(ExternalContextCreator) private readonly creator: ExternalContextCreator,
  ) {}

  onModuleInit(): void {
    for (const { instance } of this.discovery.getControllers()) {
      const controller = instance as Record<string, () => unknown>;
      for (const method of this.scanner.getAllMethodNames(controller)) {
        const name = this.reflector.get<RouteName | undefined>(OPERATION, controller[method]!);
        if (name) this.handlers.set(name, this.handlerOf(controller, method));
      }
    }
  }

  /** The answer of a GET without a query, held to its contract. The caller must be one who may read it. */
  async read(name: string, route: Route, request: HttpRequest): Promise<unknown> {
    const handler = this.handlers.get(name);
    const { operation } = request;
    if (!handler || !operation) throw new Error(`no handler answers ${name}`);
    const asked = Object.create(request, {
      operation: { value: { ...operation, name: name as RouteName, route, query: {}, body: undefined } },
    }) as HttpRequest;
    return route.response!.parse(await handler(asked));
  }

  private handlerOf(controller: Record<string, () => unknown>, method: string): Handler {
    const parameters = { exchangeKeyForValue: () => undefined };
    const bare = { guards: false, interceptors: false, filters: false };
    return this.creator.create(
      controller,
      controller[method]!,
      method,
      ROUTE_ARGS_METADATA,
      parameters,
      undefined,
      undefined,
      bare,
    ) as Handler;
  }
}
