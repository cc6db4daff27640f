/** From a request's inputs to what the model is fed: as they are, or through the preprocessing that its manifest carries. */
import type { Preprocess } from '@verge/contracts';
import { DataError, preprocessArray, preprocessEncoded, type Elements } from '@verge/data';
import { elementCount, type Tensor } from '@verge/onnx';
import { AgentError } from '../errors.js';
import type { RequestInput, WireRequest } from './request.js';
import { sampleTensor, sampleType } from './sample-type.js';
import { feedProblems } from './fit.js';
import { jsonElements, tensorFromJson } from './json-tensors.js';
import type { Timing } from './timing.js';
import { bytesElements, dtypeOf, tensorFromBytes } from './tensors.js';
import type { ModelDescription } from '../served-model.js';

/** @throws AgentError `REQUEST_INVALID` naming every bad input, `INFERENCE_FAILED` when the artifact contradicts itself */
export async function makeFeeds(
  request: WireRequest,
  manifest: ModelDescription,
  timing: Timing,
): Promise<Record<string, Tensor>> {
  if (request.preprocess) return preprocessed(request.inputs, manifest, timing);
  return timing.time('parse', () => plainFeeds(request, manifest));
}

function plainFeeds(request: WireRequest, manifest: ModelDescription): Record<string, Tensor> {
  // Without a prototype, so that an input may have any name.
  const feeds = Object.create(null) as Record<string, Tensor>;
  const bad: string[] = [];
  for (const input of request.inputs) {
    try {
      feeds[input.name] = asTensor(input);
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      bad.push(`inputs ${input.name}: ${error.message}`);
    }
  }
  if (bad.length === 0) bad.push(...feedProblems(feeds, manifest));
  if (bad.length > 0) throw invalid(bad.join('; '));
  return feeds;
}

function asTensor(input: RequestInput): Tensor {
  const dtype = dtypeOf(input.datatype);
  return input.binary
    ? tensorFromBytes(dtype, input.shape, input.binary)
    : tensorFromJson(dtype, input.shape, input.data);
}

async function preprocessed(
  inputs: readonly RequestInput[],
  manifest: ModelDescription,
  timing: Timing,
): Promise<Record<string, Tensor>> {
  const { preprocess, model } = manifest;
  if (!preprocess) throw invalid(`${model} carries no preprocessing; send the tensors that it reads`);
  const [input] = inputs;
  if (!input || inputs.length !== 1)
    throw invalid('a request with "preprocess": true has exactly one input, the raw sample');
  const samples =
    preprocess.input.kind === 'array'
      ? arraySamples(input, preprocess, preprocess.input.shape, timing)
      : await encodedSamples(input, preprocess, encodings[preprocess.input.kind], timing);
  checkCount(samples.length, manifest);
  const { shape, dtype } = preprocess.output;
  const size = elementCount(shape);
  const data = dtype === 'float32' ? new Float32Array(size * samples.length) : new Uint8Array(size * samples.length);
  samples.forEach((sample, i) => data.set(sample, i * size));
  const input0 = manifest.inputs[0]!;
  const feeds = { [input0.name]: sampleTensor(sampleType(preprocess, input0), [samples.length, ...shape], data) };
  const problems = feedProblems(feeds, manifest);
  // The sample was as the manifest asks for: that its own preprocessing does not fit its model is no caller's mistake.
  if (problems.length > 0) throw new AgentError('INFERENCE_FAILED', `after preprocessing: ${problems.join('; ')}`);
  return feeds;
}

/** The first axis of the model is the samples. */
function checkCount(samples: number, { inputs }: ModelDescription): void {
  const wanted = inputs[0]!.shape[0];
  if (samples === 0) throw invalid('expected at least one sample');
  if (wanted !== undefined && wanted > 0 && samples !== wanted) {
    throw invalid(`the model takes ${wanted} samples at a time, not ${samples}`);
  }
}

const encodings = { image: 'an encoded image', audio: 'a recording as WAV' } as const;

/** BYTES [n]: encoded images or recordings, in JSON as base64. */
async function encodedSamples(
  input: RequestInput,
  preprocess: Preprocess,
  what: string,
  timing: Timing,
): Promise<Elements[]> {
  if (dtypeOf(input.datatype) !== 'string' || input.shape.length > 1) {
    throw invalid(`the raw sample is ${what}: expected datatype BYTES and shape [n]`);
  }
  const encoded = input.binary
    ? bytesElements(input.binary)
    : jsonElements(input.shape, input.data).map((element, i) => {
        const bytes = typeof element === 'string' ? fromBase64(element) : null;
        if (!bytes) throw invalid(`data[${i}]: expected ${what} in base64`);
        return bytes;
      });
  if (encoded.length !== elementCount(input.shape)) {
    throw invalid(`${encoded.length} samples for the shape [${input.shape.join(', ')}]`);
  }
  const samples: Elements[] = [];
  for (const bytes of encoded) samples.push(await asSample(() => timed(preprocess, bytes, timing)));
  return samples;
}

async function timed(preprocess: Preprocess, bytes: Uint8Array, timing: Timing): Promise<Elements> {
  let from = performance.now();
  const passed = (stage: 'decode' | 'preprocess'): void => {
    const now = performance.now();
    timing.add(stage, now - from);
    from = now;
  };
  const sample = await preprocessEncoded(preprocess, bytes, () => passed('decode'));
  passed('preprocess');
  return sample;
}

/** Null unless it is canonical base64 (RFC 4648, 3.5): what would be read as other bytes is refused. */
function fromBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.length > 0 && bytes.toString('base64') === text ? bytes : null;
}

/** One sample of the declared shape, or [n, ...shape]. */
function arraySamples(
  input: RequestInput,
  preprocess: Preprocess,
  shape: readonly number[],
  timing: Timing,
): Elements[] {
  const batched = input.shape.length === shape.length + 1;
  const given = batched ? input.shape.slice(1) : input.shape;
  if (given.join() !== shape.join()) {
    throw invalid(
      `the raw sample has the shape [${shape.join(', ')}] or [n, ${shape.join(', ')}], not [${input.shape.join(', ')}]`,
    );
  }
  const { dtype, data } = timing.time('parse', () => asTensor(input));
  if (dtype !== 'uint8' && dtype !== 'float32') throw invalid(`a raw sample is UINT8 or FP32, not ${input.datatype}`);
  const size = elementCount(shape);
  const count = batched ? input.shape[0]! : 1;
  return Array.from({ length: count }, (_, i) => {
    try {
      return timing.time('preprocess', () => preprocessArray(preprocess, data.subarray(i * size, (i + 1) * size)));
    } catch (error) {
      throw error instanceof DataError ? invalid(error.message) : error;
    }
  });
}

async function asSample(make: () => Promise<Elements>): Promise<Elements> {
  try {
    return await make();
  } catch (error) {
    throw error instanceof DataError ? invalid(error.message) : error;
  }
}

function invalid(message: string): AgentError {
  return new AgentError('REQUEST_INVALID', message);
}
