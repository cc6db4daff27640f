/** One inference, from the bytes of a request to the bytes of its answer, observed for telemetry. */
import type { Tensor } from '@verge/onnx';
import { RuntimeError } from '@verge/runtime';
import { AgentError, type AgentFault } from '../errors.js';
import type { Serving } from '../serving.js';
import type { Observation } from '../telemetry/window.js';
import type { Artifact } from '../update/artifact.js';
import { classification } from './classify.js';
import { observe } from './features.js';
import { makeFeeds } from './inputs.js';
import { parseRequest, type RequestOutput, type WireRequest } from './request.js';
import { oipName, tensorToBytes, tensorToJson } from './tensors.js';

export interface Answer {
  headers: Record<string, string>;
  body: Uint8Array[];
}

export interface InferContext {
  serving: Serving;
  /** Throws `NOT_FOUND` or `NOT_READY` unless this artifact is what the request is for. */
  select: () => Artifact;
  record: (seen: Observation) => void;
}

const faultOf: Partial<Record<RuntimeError['code'], AgentFault>> = {
  'bad-feed': 'REQUEST_INVALID',
  'bad-output': 'REQUEST_INVALID',
  'unsupported-type': 'REQUEST_INVALID',
  overloaded: 'OVERLOADED',
  closed: 'NOT_READY',
};

export async function infer(
  context: InferContext,
  body: Uint8Array,
  headerLength: string | undefined,
): Promise<Answer> {
  const started = performance.now();
  const artifact = context.select();
  try {
    const request = parseRequest(body, headerLength);
    const ran = await run(context, request, artifact);
    const answer = encode(request, ran.artifact, ran.outputs);
    const { classes, features } = observe(ran.artifact.manifest, ran.feeds, ran.outputs);
    const latencyMs = performance.now() - started;
    context.record({ artifactDigest: ran.artifact.digest, latencyMs, failed: false, classes, features });
    return answer;
  } catch (error) {
    const fault = asFault(error);
    // What the caller did wrong says nothing about the model.
    if (fault.code === 'INFERENCE_FAILED' || fault.code === 'OVERLOADED') {
      context.record({ artifactDigest: artifact.digest, latencyMs: 0, failed: true, classes: [], features: {} });
    }
    throw fault;
  }
}

async function run(
  context: InferContext,
  request: WireRequest,
  first: Artifact,
): Promise<{ artifact: Artifact; feeds: Record<string, Tensor>; outputs: Record<string, Tensor> }> {
  for (let artifact = first; ; artifact = context.select()) {
    const feeds = await makeFeeds(request, artifact.manifest);
    const names = request.outputs?.map((o) => o.name) ?? artifact.manifest.outputs.map((o) => o.name);
    const result = await context.serving.run(artifact.digest, feeds, names);
    // Null: the model was exchanged while the sample was preprocessed.
    if (result) return { artifact, feeds, outputs: result.outputs };
  }
}

function asFault(error: unknown): AgentError {
  if (error instanceof AgentError) return error;
  if (error instanceof RuntimeError) {
    return new AgentError(faultOf[error.code] ?? 'INFERENCE_FAILED', error.message, { cause: error });
  }
  return new AgentError('INFERENCE_FAILED', 'the inference failed', { cause: error });
}

function encode(request: WireRequest, artifact: Artifact, outputs: Readonly<Record<string, Tensor>>): Answer {
  const { manifest, digest } = artifact;
  const wanted: readonly RequestOutput[] =
    request.outputs ??
    manifest.outputs.map(({ name }) => ({ name, binary: request.binaryOutput, classification: null }));
  const blobs: Uint8Array[] = [];
  const described = wanted.map((want) => {
    const tensor =
      want.classification === null ? outputs[want.name]! : classified(want, outputs[want.name]!, manifest.labels);
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
      parameters: { manifest_digest: digest },
      outputs: described,
    }),
  );
  const headers: Record<string, string> = {
    'content-type': blobs.length > 0 ? 'application/octet-stream' : 'application/json',
    'verge-model-version': String(manifest.version),
    'verge-manifest-digest': digest,
  };
  if (blobs.length > 0) headers['inference-header-content-length'] = String(json.length);
  return { headers, body: [json, ...blobs] };
}

function classified(want: RequestOutput, tensor: Tensor, labels: readonly string[]): Tensor {
  const made = classification(tensor, want.classification ?? 1, labels);
  if (made) return made;
  throw new AgentError('REQUEST_INVALID', `output ${want.name} has no class scores`);
}
