/**
 * The local inference API: Open Inference Protocol v2 over HTTP, with the binary tensor data extension, on TCP and on a Unix
 * socket. https://github.com/kserve/open-inference-protocol, specification/protocol/open_inference_rest.yaml
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { chmod, rm } from 'node:fs/promises';
import { isIP, type AddressInfo } from 'node:net';
import { AgentError, reasonOf, systemCode, type AgentFault } from '../errors.js';
import { agentVersion } from '../version.js';
import type { Log } from '../log/logger.js';
import type { ServedModel } from '../served-model.js';
import type { Serving } from '../serving.js';
import type { Seen } from '../telemetry/window.js';
import { readBody } from './body.js';
import { AnsweredShapes } from './failure.js';
import { infer } from './infer.js';
import { metadata } from './metadata.js';
import { refuseWebPages } from './web-pages.js';

export interface ApiOptions {
  serving: Serving;
  record: (seen: Seen) => void;
  /** What `verge-agent status` shows. */
  status: () => Promise<unknown>;
  bodyBytes: number;
  log: Log;
}

/** HTTP status of each fault that a request can meet. */
const statusOf: Partial<Record<AgentFault, number>> = {
  REQUEST_INVALID: 400,
  REQUEST_UNSUPPORTED: 400,
  HOST_REFUSED: 403,
  ORIGIN_REFUSED: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  REQUEST_TOO_LARGE: 413,
  ENCODING_UNSUPPORTED: 415,
  NOT_READY: 503,
  OVERLOADED: 503,
  MODEL_DOWN: 503,
};

const modelPath = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(\/ready|\/infer)?$/;

interface Reply {
  status: number;
  headers: Record<string, string>;
  body: Uint8Array[];
}

function json(value: unknown, status = 200): Reply {
  return { status, headers: { 'content-type': 'application/json' }, body: [Buffer.from(JSON.stringify(value))] };
}

export class Api {
  private readonly servers: Server[] = [];
  private unix: Server | null = null;
  private draining = false;
  private readonly shapes = new AnsweredShapes();

  constructor(private readonly options: ApiOptions) {}

  /** @returns the URL that it listens on. @throws AgentError `LISTEN_FAILED` */
  async listenTcp(host: string, port: number): Promise<string> {
    const loopback = host === 'localhost' || host === '::1' || /^127\./.test(host);
    if (!loopback) this.options.log.warn({ host }, 'the inference API has no login and listens beyond this machine');
    const server = await this.listen({ host, port }, `${host}:${port}`, loopback);
    const address = server.address() as AddressInfo;
    return `http://${isIP(address.address) === 6 ? `[${address.address}]` : address.address}:${address.port}`;
  }

  /** Listens there, and nowhere else on a socket any more. @throws AgentError `LISTEN_FAILED` */
  async listenUnix(path: string): Promise<void> {
    const old = this.unix;
    this.unix = null;
    // Closing removes what stands under its name, so the old one goes first; what it answers it goes on to answer.
    old?.close();
    this.servers.splice(0, this.servers.length, ...this.servers.filter((server) => server !== old));
    try {
      // The lock is held: a socket that is there belongs to nobody.
      await rm(path, { recursive: true, force: true });
      this.unix = await this.listen({ path }, path, false);
      await chmod(path, 0o660);
    } catch (cause) {
      if (cause instanceof AgentError) throw cause;
      throw new AgentError('LISTEN_FAILED', `cannot listen on ${path}: ${reasonOf(cause)}`, { cause });
    }
  }

  /** Answers what was asked, and nothing more: connections are closed behind their answers, or after `drainMs`. */
  async close(drainMs = 5000): Promise<void> {
    this.draining = true;
    await Promise.all(
      this.servers.map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => resolve());
            server.closeIdleConnections();
            setTimeout(() => server.closeAllConnections(), drainMs).unref();
          }),
      ),
    );
  }

  private listen(
    where: { host: string; port: number } | { path: string },
    name: string,
    loopback: boolean,
  ): Promise<Server> {
    const server = createServer((request, response) => {
      this.answer(request, response, loopback).catch((error: unknown) => {
        this.options.log.error({ err: reasonOf(error) }, 'an answer could not be sent');
        response.destroy();
      });
    });
    server.requestTimeout = 120_000;
    server.keepAliveTimeout = 65_000;
    return new Promise((resolve, reject) => {
      server.once('error', (cause) => {
        reject(new AgentError('LISTEN_FAILED', `cannot listen on ${name}: ${whyNot(cause)}`, { cause }));
      });
      server.listen(where, () => {
        this.servers.push(server);
        resolve(server);
      });
    });
  }

  private async answer(request: IncomingMessage, response: ServerResponse, loopback: boolean): Promise<void> {
    let reply: Reply;
    try {
      refuseWebPages(request.headers, loopback);
      reply = await this.route(request);
    } catch (error) {
      const fault =
        error instanceof AgentError ? error : new AgentError('INTERNAL', 'the request failed', { cause: error });
      const status = statusOf[fault.code] ?? 500;
      if (status === 500)
        this.options.log.error({ err: reasonOf(error), cause: reasonOf(fault.cause) }, 'a request failed');
      // OIP v2, "Inference Response JSON Error Object".
      reply = json({ error: fault.message }, status);
      if (status === 503) reply.headers['retry-after'] = '1';
      // RFC 9110, 15.5.16: what would have been read.
      if (status === 415) reply.headers['accept-encoding'] = 'identity';
      // What was not read of the body would be taken for the next request.
      if (!request.complete) reply.headers['connection'] = 'close';
    }
    if (this.draining) reply.headers['connection'] = 'close';
    const length = reply.body.reduce((sum, part) => sum + part.length, 0);
    response.writeHead(reply.status, { ...reply.headers, 'content-length': length });
    if (request.method === 'HEAD') return void response.end();
    for (const part of reply.body.slice(0, -1)) response.write(part);
    response.end(reply.body.at(-1));
  }

  private async route(request: IncomingMessage): Promise<Reply> {
    const path = (request.url ?? '/').split('?')[0]!.replace(/(.)\/$/, '$1');
    const { serving } = this.options;
    const fixed: Readonly<Record<string, () => Reply | Promise<Reply>>> = {
      '/v2': () =>
        json({
          name: 'verge-agent',
          version: agentVersion,
          extensions: ['binary_tensor_data', 'classification', 'model_repository'],
        }),
      '/v2/health/live': () => json({ live: true }),
      '/v2/health/ready': () => {
        const ready = serving.current !== null && !this.draining;
        return json({ ready }, ready ? 200 : 503);
      },
      '/v2/verge/status': async () => json(await this.options.status()),
    };
    const get = fixed[path];
    if (get) {
      allow(request, 'GET', 'HEAD');
      return get();
    }
    if (path === '/v2/repository/index') {
      allow(request, 'POST');
      return json(this.index());
    }
    const [, name, version, verb] = modelPath.exec(path) ?? [];
    if (name === undefined) throw new AgentError('NOT_FOUND', `there is no ${path}`);
    const select = (from: ServedModel | null): ServedModel =>
      this.select(from, decode(name), version === undefined ? undefined : decode(version));
    if (verb === '/infer') {
      allow(request, 'POST');
      return this.infer(request, () => select(serving.installed));
    }
    allow(request, 'GET', 'HEAD');
    if (verb === undefined) return json(metadata(select(serving.current)));
    const { manifest } = select(serving.current);
    return json({ name: manifest.model, ready: true });
  }

  private async infer(request: IncomingMessage, select: () => ServedModel): Promise<Reply> {
    const { serving, record, bodyBytes } = this.options;
    const header = request.headers['inference-header-content-length'];
    const headerLength = Array.isArray(header) ? header.join() : header;
    const read = async () => ({ bytes: await readBody(request, bodyBytes), headerLength });
    const answer = await infer({ serving, select, record, read, shapes: this.shapes });
    return { status: 200, ...answer };
  }

  private select(model: ServedModel | null, name: string, version: string | undefined): ServedModel {
    if (!model) throw new AgentError('NOT_READY', 'no model is loaded');
    const { manifest } = model;
    if (name !== manifest.model)
      throw new AgentError('NOT_FOUND', `there is no model ${name}; ${manifest.model} serves`);
    if (version !== undefined && version !== String(manifest.version)) {
      throw new AgentError('NOT_FOUND', `${name} has no version ${version} here; version ${manifest.version} serves`);
    }
    return model;
  }

  /** Triton's model repository extension, index: how an application learns what it can ask for. */
  private index(): unknown {
    const manifest = this.options.serving.current?.manifest;
    if (!manifest) return [];
    return [{ name: manifest.model, version: String(manifest.version), state: 'READY', reason: '' }];
  }
}

const refusals: Readonly<Record<string, string>> = {
  EADDRINUSE: 'something listens there already; give another with --port, or --port 0 for any free one',
  EACCES: 'this user may not listen there; ports from 1024 on are for everybody',
  EADDRNOTAVAIL: 'this machine has no such address',
};

const whyNot = (cause: Error): string => refusals[systemCode(cause) ?? ''] ?? cause.message;

function allow(request: IncomingMessage, ...methods: string[]): void {
  if (methods.includes(request.method ?? '')) return;
  throw new AgentError('METHOD_NOT_ALLOWED', `${request.method} is not allowed here; ${methods.join(' and ')} are`);
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new AgentError('NOT_FOUND', `there is no ${part}`);
  }
}
