/** One inference, from the bytes of a request to the bytes of its answer, observed for telemetry. */
import type { Tensor } from '@verge/onnx';
import { RuntimeError } from '@verge/runtime';
import { AgentError, type AgentFault } from '../errors.js';
import type { ServedModel } from '../served-model.js';
import type { Serving } from '../serving.js';
import type { Outcome, Seen } from '../telemetry/window.js';
import { classification } from './classify.js';
import type { AnsweredShapes } from './failure.js';
import { observe } from './features.js';
import { checkWanted } from './fit.js';
import { makeFeeds } from './inputs.js';
import { tensorToJson } from './json-tensors.js';
import { parseRequest, type RequestOutput, type WireRequest } from './request.js';
import { oipName, tensorToBytes } from './tensors.js';
import { Timing } from './timing.js';

export interface Answer {
  headers: Record<string, string>;
  body: Uint8Array[];
}

/** A request's body, and what it says of its header (Inference-Header-Content-Length). */
export interface InferenceBody {
  bytes: Uint8Array;
  headerLength: string | undefined;
}

export interface InferContext {
  serving: Serving;
  shapes: AnsweredShapes;
  /** Throws `NOT_FOUND` or `NOT_READY` unless this model is what the request is for. */
  select: () => ServedModel;
  read: () => Promise<InferenceBody>;
  record: (seen: Seen) => void;
}

/** Whose error each fault is. What is not here is the agent's own. */
const outcomeOf: Partial<Record<AgentFault, Outcome>> = {
  REQUEST_INVALID: 'caller-error',
  REQUEST_UNSUPPORTED: 'caller-error',
  REQUEST_TOO_LARGE: 'caller-error',
  ENCODING_UNSUPPORTED: 'caller-error',
  NOT_FOUND: 'caller-error',
  NOT_READY: 'load-error',
  OVERLOADED: 'load-error',
  INFERENCE_FAILED: 'model-error',
  MODEL_DOWN: 'model-error',
};

export async function infer(context: InferContext): Promise<Answer> {
  // The artifact that the request met; errors before one is chosen are counted at what is installed.
  const met: { artifact: ServedModel | null } = { artifact: context.serving.installed };
  try {
    const body = await context.read();
    const started = performance.now();
    const timing = new Timing();
    met.artifact = context.select();
    const request = timing.time('parse', () => parseRequest(body.bytes, body.headerLength));
    const ran = await run(context, request, met, timing);
    const answer = encode(request, ran.artifact, ran.outputs, timing);
    const { classes, features } = observe(ran.artifact.manifest, ran.feeds, ran.outputs);
    const latencyMs = performance.now() - started;
    const artifactDigest = ran.artifact.digest;
    context.record({ artifactDigest, outcome: 'answered', latencyMs, classes, features });
    return answer;
  } catch (error) {
    const fault = asFault(error);
    const outcome = outcomeOf[fault.code] ?? 'agent-error';
    const artifactDigest = met.artifact?.digest ?? null;
    context.record({ artifactDigest, outcome, latencyMs: 0, classes: [], features: {} });
    throw fault;
  }
}

interface Ran {
  artifact: ServedModel;
  feeds: Record<string, Tensor>;
  outputs: Record<string, Tensor>;
}

async function run(
  context: InferContext,
  request: WireRequest,
  met: { artifact: ServedModel | null },
  timing: Timing,
): Promise<Ran> {
  for (;;) {
    const artifact = (met.artifact = context.select());
    const { manifest } = artifact;
    checkWanted(request.outputs, manifest);
    const feeds = await makeFeeds(request, manifest, timing);
    const names = request.outputs?.map((o) => o.name) ?? manifest.outputs.map((o) => o.name);
    try {
      const result = await context.serving.run(artifact.digest, feeds, names);
      // Null: the model was exchanged while the sample was preprocessed.
      if (!result) continue;
      timing.add('queue', result.queueMs);
      timing.add('run', result.runMs);
      context.shapes.answered(manifest, feeds);
      return { artifact, feeds, outputs: result.outputs };
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      // Samples that passed through the artifact's own preprocessing fit by construction.
      const misfit =
        error.code === 'bad-feed' ||
        (error.code === 'run-failed' && context.shapes.misfit(manifest, feeds, error.message));
      throw asFault(error, misfit && !request.preprocess ? 'REQUEST_INVALID' : undefined);
    }
  }
}

const faultOf: Partial<Record<RuntimeError['code'], AgentFault>> = {
  'bad-output': 'REQUEST_INVALID',
  overloaded: 'OVERLOADED',
  closed: 'NOT_READY',
};

/** @param as the fault that a RuntimeError is; without it a failed run is the model's */
function asFault(error: unknown, as?: AgentFault): AgentError {
  if (error instanceof AgentError) return error;
  if (error instanceof RuntimeError) {
    return new AgentError(as ?? faultOf[error.code] ?? 'INFERENCE_FAILED', error.message, { cause: error });
  }
  return new AgentError('INTERNAL', 'the agent could not carry out the request', { cause: error });
}

function encode(
  request: WireRequest,
  artifact: ServedModel,
  outputs: Readonly<Record<string, Tensor>>,
  timing: Timing,
): Answer {
  const { manifest, digest, digestOf } = artifact;
  const wanted: readonly RequestOutput[] =
    request.outputs ??
    manifest.outputs.map(({ name }) => ({ name, binary: request.binaryOutput, classification: null }));
  const blobs: Uint8Array[] = [];
  const described = wanted.map((want) => {
    const given = outputs[want.name]!;
    const tensor =
      want.classification === null ? given : timing.time('top-k', () => classified(want, given, manifest.labels));
    const head = { name: want.name, datatype: oipName(tensor.dtype), shape: tensor.dims };
    if (!want.binary) return { ...head, data: tensorToJson(want.name, tensor) };
    const bytes = tensorToBytes(tensor);
    blobs.push(bytes);
    return { ...head, parameters: { binary_data_size: bytes.length } };
  });
  const json = Buffer.from(
    JSON.stringify({
      model_name: manifest.model,
      model_version: String(manifest.version),
      ...(request.id !== undefined && { id: request.id }),
      parameters: { [`${digestOf}_digest`]: digest },
      outputs: described,
    }),
  );
  const headers: Record<string, string> = {
    'content-type': blobs.length > 0 ? 'application/octet-stream' : 'application/json',
    'verge-model-version': String(manifest.version),
    [`verge-${digestOf}-digest`]: digest,
    'server-timing': timing.header,
  };
  if (blobs.length > 0) headers['inference-header-content-length'] = String(json.length);
  return { headers, body: [json, ...blobs] };
}

function classified(want: RequestOutput, tensor: Tensor, labels: readonly string[]): Tensor {
  const made = classification(tensor, want.classification ?? 1, labels);
  if (made) return made;
  throw new AgentError('REQUEST_INVALID', `output ${want.name} has no class scores`);
}
