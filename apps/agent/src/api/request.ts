/** One inference request as it came over the wire: JSON, or JSON followed by binary tensors. */
import { z } from 'zod';
import { AgentError } from '../errors.js';
import { refuseManyParts } from './json-parts.js';
import { checkParameters, flag, Parameters } from './parameters.js';

const Shape = z
  .array(
    z
      .int()
      .min(0)
      .max(2 ** 31),
  )
  .max(16);

/** Open Inference Protocol v2, "Inference Request JSON Object". */
const InferenceRequest = z.object({
  id: z.string().max(1024).optional(),
  parameters: Parameters.default({}),
  inputs: z
    .array(
      z.object({
        name: z.string().min(1),
        shape: Shape,
        datatype: z.string(),
        parameters: Parameters.default({}),
        data: z.unknown().optional(),
      }),
    )
    .min(1)
    .max(256),
  outputs: z
    .array(z.object({ name: z.string().min(1), parameters: Parameters.default({}) }))
    .max(256)
    .optional(),
});

export interface RequestInput {
  name: string;
  shape: number[];
  datatype: string;
  /** One of the two. */
  data: unknown;
  binary: Uint8Array | null;
}

export interface RequestOutput {
  name: string;
  binary: boolean;
  /** How many of the largest scores are wished, by the classification extension; null: the tensor itself. */
  classification: number | null;
}

export interface WireRequest {
  id: string | undefined;
  inputs: RequestInput[];
  /** Null: all outputs. */
  outputs: RequestOutput[] | null;
  binaryOutput: boolean;
  preprocess: boolean;
}

/**
 * @param headerLength value of Inference-Header-Content-Length: bytes of the JSON in front of the binary tensors
 * @throws AgentError `REQUEST_INVALID` naming every bad field
 */
export function parseRequest(body: Uint8Array, headerLength: string | undefined): WireRequest {
  const jsonBytes = headerLength === undefined ? body.length : jsonLength(headerLength, body.length);
  const parsed = InferenceRequest.safeParse(parseJson(body.subarray(0, jsonBytes)));
  if (!parsed.success) {
    const bad = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'request'}: ${issue.message}`);
    throw new AgentError('REQUEST_INVALID', bad.join('; '));
  }
  const request = parsed.data;
  const bad: string[] = [];
  checkParameters('request', '', request.parameters, bad);
  const inputs = requestInputs(request.inputs, body, jsonBytes, bad);
  const binaryOutput = flag(request.parameters, 'binary_data_output', '', false, bad);
  const preprocess = flag(request.parameters, 'preprocess', '', false, bad);
  const outputs = request.outputs?.map((output) => requestOutput(output, binaryOutput, bad)) ?? null;
  nameRepeated('inputs', request.inputs, bad);
  nameRepeated('outputs', request.outputs ?? [], bad);
  if (bad.length > 0) throw new AgentError('REQUEST_INVALID', bad.join('; '));
  return { id: request.id, inputs, outputs: outputs?.length === 0 ? null : outputs, binaryOutput, preprocess };
}

function nameRepeated(side: string, ports: readonly { name: string }[], bad: string[]): void {
  const seen = new Set<string>();
  for (const { name } of ports) {
    if (seen.has(name)) bad.push(`${side} ${name}: given twice`);
    seen.add(name);
  }
}

/** Cuts the binary tensors out of the body, in the order of the inputs. */
function requestInputs(
  given: z.infer<typeof InferenceRequest>['inputs'],
  body: Uint8Array,
  jsonBytes: number,
  bad: string[],
): RequestInput[] {
  const before = bad.length;
  let at = jsonBytes;
  const inputs = given.map(({ name, shape, datatype, data, parameters }): RequestInput => {
    checkParameters('input', `inputs ${name}: `, parameters, bad);
    const size = parameters['binary_data_size'];
    const input = { name, shape, datatype, data: undefined, binary: null };
    if (size === undefined) {
      if (data === undefined) bad.push(`inputs ${name}: expected data or parameters.binary_data_size`);
      return { ...input, data };
    }
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0) {
      bad.push(`inputs ${name}: binary_data_size: expected a number of bytes`);
    } else if (data !== undefined) {
      bad.push(`inputs ${name}: both data and binary_data_size are given`);
    } else if (at + size > body.length) {
      bad.push(`inputs ${name}: ${size} bytes of binary data, only ${body.length - at} are left in the body`);
    } else {
      at += size;
      return { ...input, binary: body.subarray(at - size, at) };
    }
    return input;
  });
  if (bad.length === before && at !== body.length) bad.push(`${body.length - at} bytes follow the last binary tensor`);
  return inputs;
}

function requestOutput(
  { name, parameters }: { name: string; parameters: Parameters },
  binaryOutput: boolean,
  bad: string[],
): RequestOutput {
  checkParameters('output', `outputs ${name}: `, parameters, bad);
  const binary = flag(parameters, 'binary_data', `outputs ${name}: `, binaryOutput, bad);
  const { classification = 0 } = parameters;
  if (typeof classification !== 'number' || !Number.isInteger(classification) || classification < 0) {
    bad.push(`outputs ${name}: classification: expected a number of classes`);
  }
  return { name, binary, classification: Number(classification) || null };
}

function jsonLength(header: string, available: number): number {
  const length = /^[0-9]{1,15}$/.test(header) ? Number(header) : NaN;
  if (length <= available) return length;
  throw new AgentError(
    'REQUEST_INVALID',
    `Inference-Header-Content-Length: expected a number of bytes within the body of ${available}`,
  );
}

function parseJson(bytes: Uint8Array): unknown {
  refuseManyParts(bytes);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new AgentError('REQUEST_INVALID', 'the request is not JSON in UTF-8', { cause: error });
  }
}
