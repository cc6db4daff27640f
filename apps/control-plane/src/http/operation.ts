/** Binds handlers to the operations of contracts, so that the contract is the only place that says what they are. */
import {
  applyDecorators,
  createParamDecorator,
  HttpCode,
  RequestMapping,
  RequestMethod,
  SetMetadata,
  type ExecutionContext,
} from '@nestjs/common';
import { API_PREFIX, routes, type PathParams, type Route, type RouteName, type Routes } from '@verge/contracts';
import type { z } from 'zod';
import type { AnyCaller, HttpRequest, OperationContext } from './request.js';

export const OPERATION = 'verge:operation';
export const OPEN_PATH = 'verge:open-path';

type Parsed<T> = T extends z.ZodType ? z.output<T> : undefined;
type Field<R, K extends string> = R extends Record<K, infer T> ? Parsed<T> : undefined;

/** The validated input of an operation: path parameters, query and body. */
export interface InputOf<N extends RouteName> {
  readonly params: PathParams<Routes[N]>;
  readonly query: Field<Routes[N], 'query'>;
  readonly body: Field<Routes[N], 'body'>;
}
/** What a handler of the operation returns; it is checked against the contract before it is sent. */
export type OutputOf<N extends RouteName> = Routes[N] extends { response: infer T extends z.ZodType }
  ? z.input<T>
  : undefined;

export const expressPath = (route: Route): string => API_PREFIX + route.path.replaceAll(/\{([^}]+)\}/g, ':$1');

/** The decorated method serves the operation: method, path, role, validation and status come from contracts. */
export function Operation(name: RouteName): MethodDecorator {
  const route: Route = routes[name];
  return applyDecorators(
    RequestMapping({ path: expressPath(route), method: RequestMethod[route.method] }),
    SetMetadata(OPERATION, name),
    HttpCode(route.status ?? 200),
  );
}

/** A path outside the API that needs no credentials: health, metrics, documents. */
export const OpenPath = (): MethodDecorator => SetMetadata(OPEN_PATH, true);

function contextOf(context: ExecutionContext): OperationContext {
  const { operation } = context.switchToHttp().getRequest<HttpRequest>();
  if (!operation) throw new Error('the handler is not bound to an operation');
  return operation;
}

/** `@Caller() caller: ProjectCaller` (or AnyCaller where the path names no project). */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): AnyCaller => {
  const { caller } = contextOf(context);
  if (!caller) throw new Error('a public operation has no caller');
  return caller;
});

/** `@Input() input: InputOf<'devices.list'>` */
export const Input = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const { params, query, body } = contextOf(context);
  return { params, query, body };
});
