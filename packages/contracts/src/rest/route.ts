/**
 * A REST operation as data. The server validates by it, the OpenAPI document is written from it, and the typed client
 * of the CLI and the console calls through it, so that the three cannot disagree.
 */
import { z } from 'zod';
import type { ProblemCode } from '../problem.js';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD';
/** Rising order of power. */
export const roles = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof roles)[number];
export const RoleName = z.enum(roles).meta({ id: 'Role' });

export interface Route {
  readonly method: Method;
  /** Below /api/v1, with {parameters}. */
  readonly path: string;
  readonly summary: string;
  readonly tag: string;
  /** The least role that may call it; 'public' needs no credentials. */
  readonly role: Role | 'public';
  /**
   * What the credential itself must be, beside its role. 'session': a login with a password, no API token. 'user-management': a
   * session, or a token that was given the right to manage users, because whoever makes a login outlives every token.
   */
  readonly credential?: 'session' | 'user-management';
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** 'raw': bytes in the request body. */
  readonly rawBody?: boolean;
  readonly response?: z.ZodType;
  /** 'bytes': a byte stream; 'events': text/event-stream whose data is of `event`. */
  readonly stream?: 'bytes' | 'events';
  readonly event?: z.ZodType;
  readonly status?: 200 | 201 | 202 | 204;
  /** Of an operation that makes a thing: the one that answers it by its id, where it is not on a path below this one. */
  readonly makes?: string;
  /** Whether the answer sets the session cookie of a browser, or ends it. */
  readonly setsCookie?: boolean;
  /** Refusals that do not follow from what the operation is (`refusalsOf`). */
  readonly refusals?: readonly ProblemCode[];
  /**
   * Of an operation that changes what GET answers on the same path: the members that people change. The first half of the
   * ETag stands for them alone, and If-Match is held against that half: what a device reports in between is no conflict.
   */
  readonly changes?: readonly string[];
}

/**
 * Whether the operation takes an Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): every POST of a known caller
 * that answers once.
 */
export const takesIdempotencyKey = (of: Route): boolean =>
  of.method === 'POST' && of.role !== 'public' && of.stream === undefined;

/** Keeps the literal types of a route. */
export const route = <const R extends Route>(r: R): R => r;

type ParameterNames<P extends string> = P extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParameterNames<Rest>
  : never;
export type PathParams<R extends Route> = { [K in ParameterNames<R['path']>]: string };
export type QueryInput<R extends Route> = R['query'] extends z.ZodType ? z.input<R['query']> : undefined;
export type BodyInput<R extends Route> = R['body'] extends z.ZodType ? z.input<R['body']> : undefined;
export type ResponseOf<R extends Route> = R['response'] extends z.ZodType ? z.output<R['response']> : undefined;
