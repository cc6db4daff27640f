/** A typed client of the REST API over an injected `fetch`: the CLI and the console call through it. */
import type { Holders } from '../holders.js';
import { Problem, type FieldError, type ProblemCode } from '../problem.js';
import { fetchAgain, newIdempotencyKey } from './again.js';
import { routes, type RouteName, type Routes } from './routes.js';
import {
  takesIdempotencyKey,
  type BodyInput,
  type PathParams,
  type QueryInput,
  type ResponseOf,
  type Route,
} from './route.js';

export const API_PREFIX = '/api/v1';

export interface ClientOptions {
  /** Origin of the control plane, for example http://localhost:7400; '' in a browser on the same origin. */
  baseUrl: string;
  /** Sent as a bearer token; browsers rely on the session cookie instead. */
  token?: string;
  fetch?: typeof fetch;
}

export class ApiError extends Error {
  readonly code: ProblemCode | 'UNREACHABLE' | 'UNEXPECTED_RESPONSE';
  readonly status: number;
  readonly errors: readonly FieldError[];
  /** Of IN_USE: what still refers to the thing. */
  readonly holders: readonly Holders[];
  constructor(
    code: ApiError['code'],
    status: number,
    message: string,
    errors: readonly FieldError[] = [],
    options?: ErrorOptions & { holders?: readonly Holders[] },
  ) {
    super(message, options);
    this.name = 'ApiError';
    this.code = code;
    this.status = status;
    this.errors = errors;
    this.holders = options?.holders ?? [];
  }
}

type RawBody = NonNullable<RequestInit['body']>;
type Defined<T> = [T] extends [undefined] ? unknown : T;
type Arguments<R extends Route> = (keyof PathParams<R> extends never
  ? { params?: undefined }
  : { params: PathParams<R> }) &
  (QueryInput<R> extends undefined ? unknown : { query?: Defined<QueryInput<R>> }) &
  (BodyInput<R> extends undefined ? unknown : { body: Defined<BodyInput<R>> }) & {
    signal?: AbortSignal;
    raw?: RawBody;
    /** The ETag of the state that the change was made from; another state by now is refused with PRECONDITION_FAILED. */
    ifMatch?: string | undefined;
    /** Names this one wish: sent again under the same key it is not carried out twice. Made when absent. */
    idempotencyKey?: string | undefined;
  };

export interface Client {
  readonly baseUrl: string;
  /** Calls an operation by name and parses its answer. @throws ApiError */
  call<N extends RouteName>(name: N, args: Arguments<Routes[N]>): Promise<ResponseOf<Routes[N]>>;
  /** The same, with the ETag of the answer: what `ifMatch` of a change takes. */
  callWithETag<N extends RouteName>(
    name: N,
    args: Arguments<Routes[N]>,
  ): Promise<{ data: ResponseOf<Routes[N]>; etag: string | undefined }>;
  /** The bare response of an operation that streams. @throws ApiError unless it is 2xx */
  open<N extends RouteName>(name: N, args: Arguments<Routes[N]>): Promise<Response>;
}

interface Loose {
  params?: Record<string, string>;
  query?: Record<string, unknown>;
  body?: unknown;
  raw?: RawBody;
  signal?: AbortSignal;
  ifMatch?: string;
  idempotencyKey?: string;
}

export function routeUrl(
  route: Route,
  params: Record<string, string> = {},
  query: Record<string, unknown> = {},
): string {
  const path = route.path.replaceAll(/\{([^}]+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query))
    if (value !== undefined && value !== null) search.set(key, String(value));
  const text = search.toString();
  return API_PREFIX + path + (text ? `?${text}` : '');
}

async function problemOf(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => '');
  const parsed = Problem.safeParse(safeJson(text));
  if (!parsed.success)
    return new ApiError('UNEXPECTED_RESPONSE', response.status, `HTTP ${response.status} ${text.slice(0, 200)}`.trim());
  const { code, title, detail, errors, holders } = parsed.data;
  return new ApiError(code, response.status, detail ?? title, errors, holders ? { holders } : {});
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

export function createClient(options: ClientOptions): Client {
  const send = options.fetch ?? fetch;
  const open = async (name: RouteName, args: Loose): Promise<Response> => {
    const route: Route = routes[name];
    const headers: Record<string, string> = {
      accept: route.stream === 'events' ? 'text/event-stream' : 'application/json',
    };
    if (options.token) headers['authorization'] = `Bearer ${options.token}`;
    if (args.ifMatch !== undefined) headers['if-match'] = args.ifMatch;
    const keyed = takesIdempotencyKey(route);
    if (keyed) headers['idempotency-key'] = `"${args.idempotencyKey ?? newIdempotencyKey()}"`;
    let body: RawBody | undefined = args.raw;
    if (route.rawBody) headers['content-type'] = 'application/octet-stream';
    else if (args.body !== undefined) {
      headers['content-type'] = 'application/json';
      body = JSON.stringify(args.body);
    }
    const url = options.baseUrl + routeUrl(route, args.params, args.query);
    const init: RequestInit & { duplex?: 'half' } = { method: route.method, headers, credentials: 'same-origin' };
    if (body !== undefined) init.body = body;
    if (route.rawBody) init.duplex = 'half';
    if (args.signal) init.signal = args.signal;
    const ask = (): Promise<Response> => send(url, init);
    const response = await (keyed ? fetchAgain(ask, args.signal) : ask()).catch((cause: unknown) => {
      if (args.signal?.aborted) throw cause;
      throw new ApiError(
        'UNREACHABLE',
        0,
        `cannot reach the control plane at ${options.baseUrl || 'this origin'}`,
        [],
        { cause },
      );
    });
    if (!response.ok) throw await problemOf(response);
    return response;
  };
  const callWithETag = async (name: RouteName, args: Loose): Promise<{ data: unknown; etag: string | undefined }> => {
    const response = await open(name, args);
    const etag = response.headers.get('etag') ?? undefined;
    const schema = (routes[name] as Route).response;
    if (!schema) return { data: undefined, etag };
    const parsed = schema.safeParse(await response.json());
    if (!parsed.success) {
      throw new ApiError(
        'UNEXPECTED_RESPONSE',
        response.status,
        `${name} answered what it should not: ${parsed.error.message}`,
        [],
        { cause: parsed.error },
      );
    }
    return { data: parsed.data, etag };
  };
  const call = async (name: RouteName, args: Loose): Promise<unknown> => (await callWithETag(name, args)).data;
  return {
    baseUrl: options.baseUrl,
    open: open as Client['open'],
    call: call as Client['call'],
    callWithETag: callWithETag as Client['callWithETag'],
  };
}
