/** The model that serves, in its own process. A new one takes the requests without any of them failing. */
import type { Tensor } from '@verge/onnx';
import { InferenceProcess, RuntimeError, type InferenceResult, type ModelGiver } from '@verge/runtime';
import { backoffMs, sleep } from './backoff.js';
import { AgentError, reasonOf } from './errors.js';
import type { Log } from './log/logger.js';
import type { ServedModel } from './served-model.js';
import { readModel, type Artifact } from './update/artifact.js';

export interface ServingOptions {
  /** Intra-op threads. */
  threads: number;
  /** The process of this artifact ended unasked. */
  onCrash: (digest: string) => void;
  log: Log;
}

/** Requests in flight before further ones are told to come again. */
const maxInFlight = 128;

export class Serving {
  private process: InferenceProcess | null = null;
  /** Those whose results may still come, by digest. */
  private readonly models = new Map<string, ServedModel>();
  private reviving = false;
  private closed = false;

  constructor(private readonly options: ServingOptions) {}

  /** What a request that is made now is answered by. */
  get current(): ServedModel | null {
    return this.process?.serving ? (this.models.get(this.process.tag) ?? null) : null;
  }
  /** What is installed to answer, also while its process is down. */
  get installed(): ServedModel | null {
    return this.process ? (this.models.get(this.process.tag) ?? null) : null;
  }
  get digest(): string | null {
    return this.process ? this.process.tag : null;
  }
  get pid(): number | null {
    return this.process?.pid ?? null;
  }
  /** Of the inference process; 0 when there is none or it does not answer within two seconds. */
  async rssBytes(): Promise<number> {
    if (!this.process?.serving) return 0;
    const asked = this.process.stats().then(
      (stats) => stats.rssBytes,
      () => 0,
    );
    return Promise.race([asked, sleep(2000).then(() => 0)]);
  }

  /**
   * Loads an artifact's model in a new process, warms it up and moves the requests to it; the old process answers what it
   * had. When that fails the old one goes on.
   * @throws AgentError `DIGEST_MISMATCH`; RuntimeError
   */
  async activate(artifact: Artifact): Promise<void> {
    const { digest, manifest } = artifact;
    const read = (): Promise<Uint8Array> => readModel(artifact);
    const model = await read();
    this.models.set(digest, { digest, digestOf: 'manifest', manifest, read });
    const old = this.process;
    if (old?.serving) await old.replace(model, digest);
    else {
      this.process = await this.start(model, digest);
      await old?.close(0);
    }
    for (const other of this.models.keys()) if (other !== digest) this.models.delete(other);
  }

  /**
   * Serves a model that is no artifact.
   * @param describe is told what ONNX Runtime says of the loaded model; what it throws ends the model's process
   * @throws RuntimeError
   */
  async open(
    from: Omit<ServedModel, 'manifest'>,
    describe: (loaded: InferenceProcess) => ServedModel['manifest'],
  ): Promise<InferenceProcess> {
    const process = await this.start(from.read, from.digest);
    try {
      this.models.set(from.digest, { ...from, manifest: describe(process) });
    } catch (error) {
      await process.close(0);
      throw error;
    }
    this.process = process;
    return process;
  }

  /** Nothing serves any more. */
  async deactivate(): Promise<void> {
    const old = this.process;
    this.process = null;
    this.models.clear();
    await old?.close();
  }

  /**
   * Runs the model that `current` gave. A run has no effects, so one that was lost with its process is run once more.
   * @returns null when another one serves by now: the inputs may have to be made anew
   * @throws RuntimeError, AgentError `NOT_READY`, `MODEL_DOWN` while its process is down after crashing too often
   */
  async run(
    digest: string,
    feeds: Record<string, Tensor>,
    outputs: readonly string[],
  ): Promise<InferenceResult | null> {
    for (let attempt = 0; ; attempt++) {
      const process = this.process;
      if (!process || this.closed) throw new AgentError('NOT_READY', 'no model is loaded');
      if (process.tag !== digest) return null;
      if (!process.serving) {
        throw new AgentError('MODEL_DOWN', 'the process of the model crashed too often; it is started again soon');
      }
      try {
        return await process.run(feeds, { outputs });
      } catch (error) {
        const lost = error instanceof RuntimeError && (error.code === 'crashed' || error.code === 'closed');
        if (!lost || attempt > 0) throw error;
      }
    }
  }

  /** @param drainMs how long what waits is still answered */
  async close(drainMs?: number): Promise<void> {
    this.closed = true;
    await this.process?.close(drainMs);
  }

  private start(model: ModelGiver, digest: string): Promise<InferenceProcess> {
    const { threads, onCrash, log } = this.options;
    return InferenceProcess.start(model, digest, {
      threads,
      maxInFlight,
      onCrash: (exit, tag) => {
        log.error({ digest: tag, ...exit }, 'the inference process ended');
        onCrash(tag);
        setTimeout(() => {
          this.revive().catch((error: unknown) =>
            log.error({ err: reasonOf(error) }, 'the model is not started again'),
          );
        }, 1000).unref();
      },
    });
  }

  /** A process that crashed too often stays down; it is started again after a pause, for as long as it is wanted. */
  private async revive(): Promise<void> {
    if (this.reviving) return;
    this.reviving = true;
    try {
      await this.startUntilItServes();
    } finally {
      this.reviving = false;
    }
  }

  private async startUntilItServes(): Promise<void> {
    for (let failures = 0; !this.closed; failures++) {
      const dead = this.process;
      const served = dead ? this.models.get(dead.tag) : undefined;
      if (!dead || dead.serving || !served) break;
      await new Promise((resolve) => setTimeout(resolve, 1000 + backoffMs(failures, Math.random())).unref());
      if (this.process !== dead) continue;
      try {
        const fresh = await this.start(served.read, served.digest);
        if (this.process === dead && !this.closed) this.process = fresh;
        else await fresh.close(0);
      } catch (error) {
        this.options.log.error({ digest: served.digest, err: reasonOf(error) }, 'the model could not be started again');
      }
    }
  }
}
