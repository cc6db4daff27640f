/** Who answers: the API of a server that runs, or a model file that is loaded for these questions alone. */
import { Agent, request, type IncomingHttpHeaders, type RequestOptions } from 'node:http';
import { pino } from 'pino';
import { z } from 'zod';
import { AnsweredShapes } from '../api/failure.js';
import { infer } from '../api/infer.js';
import { metadata } from '../api/metadata.js';
import { AgentError, reasonOf } from '../errors.js';
import type { ModelGiven } from '../serve/describe.js';
import { openModel } from '../serve/open.js';
import { Serving } from '../serving.js';

/** What is read of the metadata of a model. */
export const Metadata = z.object({
  name: z.string(),
  outputs: z.array(z.object({ name: z.string(), datatype: z.string(), shape: z.array(z.number()) })).min(1),
  parameters: z.record(z.string(), z.unknown()).default({}),
});
export type Metadata = z.infer<typeof Metadata>;

export interface Reply {
  headers: Readonly<Record<string, string>>;
  body: Buffer;
}

export interface Answerer {
  readonly model: Metadata;
  /** @param headerLength bytes of the JSON in front of the binary tensors */
  ask(body: Buffer, headerLength: number): Promise<Reply>;
  close(): Promise<void>;
}

/** @throws AgentError `FILE_MISSING`, `MODEL_REFUSED`, `GIVEN_UNFIT` */
export async function askFile(path: string, given: ModelGiven & { threads: number }): Promise<Answerer> {
  const log = pino({ enabled: false });
  const serving = new Serving({ threads: given.threads, onCrash: () => undefined, log });
  await openModel(serving, path, given);
  const served = serving.current!;
  const shapes = new AnsweredShapes();
  return {
    model: Metadata.parse(metadata(served)),
    ask: async (bytes, headerLength) => {
      const read = () => Promise.resolve({ bytes, headerLength: String(headerLength) });
      const { headers, body } = await infer({ serving, shapes, select: () => served, read, record: () => undefined });
      return { headers, body: Buffer.concat(body) };
    },
    close: () => serving.close(),
  };
}

export type Where = { url: string } | { socketPath: string };

const spelled = (where: Where): string => ('url' in where ? where.url : where.socketPath);

const Index = z.array(z.object({ name: z.string() }));

/** @throws AgentError `NOT_READY` where nothing answers or no model serves */
export async function askServer(where: Where): Promise<Answerer> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const call = (path: string, options: RequestOptions, body: Buffer): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const place = 'url' in where ? hostOf(where.url) : where;
      const sent = request({ ...place, ...options, path, agent }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part)).on('error', reject);
        response.on('end', () => {
          const answer = Buffer.concat(parts);
          if (response.statusCode === 200) resolve({ headers: flat(response.headers), body: answer });
          else reject(refusal(response.statusCode, answer));
        });
      });
      sent.on('error', (cause) => {
        const message = `nothing answers on ${spelled(where)} (${reasonOf(cause)})`;
        reject(new AgentError('NOT_READY', message, { cause }));
      });
      sent.end(body);
    });
  const json = async <T>(schema: z.ZodType<T>, path: string, method: string): Promise<T> => {
    const { body } = await call(path, { method }, Buffer.alloc(0));
    try {
      return schema.parse(JSON.parse(body.toString('utf8')));
    } catch (cause) {
      throw new AgentError('NOT_READY', `what answers on ${spelled(where)} is no inference API`, { cause });
    }
  };
  const [first] = await json(Index, '/v2/repository/index', 'POST');
  if (!first) throw new AgentError('NOT_READY', `no model serves on ${spelled(where)}`);
  const path = `/v2/models/${encodeURIComponent(first.name)}`;
  return {
    model: await json(Metadata, path, 'GET'),
    ask: (body, length) =>
      call(`${path}/infer`, { method: 'POST', headers: { 'inference-header-content-length': length } }, body),
    close: () => Promise.resolve(agent.destroy()),
  };
}

function hostOf(text: string): RequestOptions {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== 'http:') throw new AgentError('GIVEN_INVALID', `--url expects http://HOST:PORT, not '${text}'`);
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port || 80 };
}

const flat = (headers: IncomingHttpHeaders): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));

function refusal(status = 0, body: Buffer): AgentError {
  let said = `it answered with the status ${status}`;
  try {
    said = z.object({ error: z.string() }).parse(JSON.parse(body.toString('utf8'))).error;
  } catch {
    // Another kind of server may say anything.
  }
  return new AgentError(status === 503 ? 'NOT_READY' : 'REQUEST_INVALID', said);
}
