import { STATUS_CODES, type ServerResponse } from 'node:http';
import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { BlobError } from '@verge/blobs';
import { LifecycleError, refusalsOf, routes, type Problem, type ProblemCode } from '@verge/contracts';
import type { Logger } from 'pino';
import type { HttpRequest } from './request.js';
import { isForeignKeyViolation, isTransient } from '../transient.js';
import { ProblemError } from './problem-error.js';
import { NotModified } from './response.interceptor.js';

const blobProblems: Partial<Record<BlobError['code'], ProblemCode>> = {
  'blob-digest-invalid': 'VALIDATION_FAILED',
  'blob-digest-mismatch': 'DIGEST_MISMATCH',
  'blob-too-large': 'BODY_TOO_LARGE',
  'blob-not-found': 'NOT_FOUND',
  'blob-range-invalid': 'VALIDATION_FAILED',
  'blob-source-failed': 'MALFORMED_BODY',
  'blob-store-failed': 'UNAVAILABLE',
};

const exceptionCodes: Record<number, ProblemCode> = {
  400: 'MALFORMED_BODY',
  404: 'NOT_FOUND',
  413: 'BODY_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
};

/** Any error as a refusal; what nobody foresaw is INTERNAL and tells the caller nothing but where to look. */
export function asProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof LifecycleError) return new ProblemError('STATE_CONFLICT', error.message, [], { cause: error });
  if (error instanceof BlobError) {
    const code = blobProblems[error.code];
    if (code) return new ProblemError(code, error.message, [], { cause: error });
  }
  if (isTransient(error)) {
    const detail = 'the control plane cannot reach its database or its queue just now; try again';
    return new ProblemError('UNAVAILABLE', detail, [], { cause: error });
  }
  if (isForeignKeyViolation(error)) {
    const detail = 'something that the request names was deleted meanwhile: read it again';
    return new ProblemError('CONFLICT', detail, [], { cause: error });
  }
  const status = error instanceof HttpException ? error.getStatus() : statusField(error);
  const code = status === undefined ? undefined : exceptionCodes[status];
  if (code) return new ProblemError(code, messageOf(error), [], { cause: error });
  return new ProblemError('INTERNAL', 'the control plane failed; its log names the request', [], { cause: error });
}

/** Express marks a URL that cannot be decoded with a status. */
function statusField(error: unknown): number | undefined {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  return typeof status === 'number' ? status : undefined;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export function sendProblem(response: ServerResponse, problem: ProblemError, requestId: string, path: string): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body: Problem = {
    type: 'about:blank',
    title: STATUS_CODES[problem.status] ?? 'Error',
    status: problem.status,
    detail: problem.message,
    instance: path,
    code: problem.code,
    requestId,
  };
  if (problem.errors.length > 0) body.errors = [...problem.errors];
  if (problem.holders.length > 0) body.holders = [...problem.holders];
  if (problem.status === 401) response.setHeader('www-authenticate', 'Bearer realm="verge"');
  if (problem.retryAfterSeconds !== undefined) response.setHeader('retry-after', String(problem.retryAfterSeconds));
  for (const [name, value] of Object.entries(problem.headers)) response.setHeader(name, value);
  response.statusCode = problem.status;
  response.setHeader('content-type', 'application/problem+json');
  response.end(JSON.stringify(body));
}

@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly log: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<HttpRequest>();
    const response = host.switchToHttp().getResponse<ServerResponse>();
    if (error instanceof NotModified) return void response.writeHead(304).end();
    const problem = asProblem(error);
    const { requestId, method, path } = request;
    if (problem.status === 503) this.log.warn({ err: error, requestId, method, path }, 'must be tried again');
    else if (problem.status >= 500) this.log.error({ err: error, requestId, method, path }, 'failed');
    if (!isListed(request, problem))
      this.log.error({ err: error, requestId, method, path }, 'refused as no contract says');
    // A body that nobody will read: say so before the peer has sent all of it.
    if (!request.complete) response.setHeader('connection', 'close');
    sendProblem(response, problem, request.requestId, request.path);
  }
}

/** Whether the operation's contract lists the refusal: programs are written by it. A fault of the server is listed nowhere. */
const isListed = ({ asked }: HttpRequest, { code }: ProblemError): boolean =>
  asked === undefined || code === 'INTERNAL' || refusalsOf(routes[asked]).includes(code);
