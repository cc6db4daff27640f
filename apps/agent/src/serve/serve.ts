/** A model file behind the local inference API: no enrolment, no directory, no control plane. */
import type { Preprocess } from '@verge/contracts';
import { createSketch } from '@verge/contracts/sketch';
import { Api } from '../api/server.js';
import type { Log } from '../log/logger.js';
import type { ModelDescription } from '../served-model.js';
import { Serving } from '../serving.js';
import { Totals } from '../telemetry/totals.js';
import { agentVersion } from '../version.js';
import { openModel, type OpenedModel } from './open.js';
import { requireFreeSocket } from './socket-path.js';

export interface ServeOptions {
  path: string;
  name: string;
  preprocess: Preprocess | null;
  labels: readonly string[] | null;
  threads: number;
  bodyBytes: number;
  /** Null: not on TCP. */
  tcp: { host: string; port: number } | null;
  /** Null: not on a Unix socket. */
  socket: string | null;
  log: Log;
}

/** How long answers are waited for when it ends: as long as one request may take. */
const drainMs = 30_000;

export class FileServer {
  private readonly totals = new Totals();
  private readonly latency = createSketch();
  private readonly startedMs = Date.now();
  private readonly api: Api;
  private readonly serving: Serving;
  url: string | null = null;
  /** Null until the model is loaded. */
  opened: OpenedModel | null = null;

  private constructor(private readonly options: ServeOptions) {
    const { bodyBytes, threads, log } = options;
    this.serving = new Serving({ threads, onCrash: () => undefined, log });
    this.api = new Api({
      serving: this.serving,
      record: ({ outcome, latencyMs }) => {
        this.totals.add(outcome);
        if (outcome === 'answered') this.latency.accept(latencyMs);
      },
      status: () => this.status(),
      bodyBytes,
      log,
    });
  }

  /** @throws AgentError `FILE_MISSING`, `MODEL_REFUSED`, `GIVEN_UNFIT`, `LISTEN_FAILED`; nothing is left behind */
  static async start(options: ServeOptions): Promise<FileServer> {
    const { tcp, socket } = options;
    if (socket !== null) await requireFreeSocket(socket);
    const server = new FileServer(options);
    try {
      // The address is taken first: that it is not free shows before a large model is loaded.
      if (tcp) server.url = await server.api.listenTcp(tcp.host, tcp.port);
      if (socket !== null) await server.api.listenUnix(socket);
      server.opened = await openModel(server.serving, options.path, options);
    } catch (error) {
      await server.stop(0);
      throw error;
    }
    return server;
  }

  get description(): ModelDescription {
    return this.serving.current!.manifest;
  }

  /** What `GET /v2/verge/status` shows. */
  private async status(): Promise<Record<string, unknown>> {
    const { serving, opened, latency, options, url } = this;
    const file = opened && { model: options.name, version: 1, digest: opened.file.digest, file: opened.file.path };
    const at = (q: number): number | null => (latency.count > 0 ? latency.getValueAtQuantile(q) : null);
    return {
      pid: process.pid,
      version: agentVersion,
      httpUrl: url,
      socketPath: options.socket,
      serving: serving.current && file,
      upSeconds: Math.round((Date.now() - this.startedMs) / 1000),
      inferencePid: serving.pid,
      rssBytes: process.memoryUsage.rss(),
      inferenceRssBytes: await serving.rssBytes(),
      warmUpProblem: opened?.warmUpProblem ?? null,
      requests: this.totals.now,
      latencyMs: { p50: at(0.5), p95: at(0.95), p99: at(0.99) },
    };
  }

  /** Takes no more requests and answers those that it has. */
  async stop(limitMs = drainMs): Promise<void> {
    await this.api.close(limitMs);
    await this.serving.close(limitMs);
  }
}
