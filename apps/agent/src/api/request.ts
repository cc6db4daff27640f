/** One inference request as it came over the wire: JSON, or JSON followed by binary tensors. */
import { z } from 'zod';
import { AgentError } from '../errors.js';

const Parameters = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
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
  let at = jsonBytes;
  const inputs = request.inputs.map((input): RequestInput => {
    const size = input.parameters['binary_data_size'];
    const { name, shape, datatype, data } = input;
    if (size === undefined) {
      if (data === undefined) bad.push(`inputs ${name}: expected data or parameters.binary_data_size`);
      return { name, shape, datatype, data, binary: null };
    }
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0) {
      bad.push(`inputs ${name}: binary_data_size: expected a number of bytes`);
    } else if (data !== undefined) {
      bad.push(`inputs ${name}: both data and binary_data_size are given`);
    } else if (at + size > body.length) {
      bad.push(`inputs ${name}: ${size} bytes of binary data, only ${body.length - at} are left in the body`);
    } else {
      at += size;
      return { name, shape, datatype, data: undefined, binary: body.subarray(at - size, at) };
    }
    return { name, shape, datatype, data: undefined, binary: null };
  });
  if (bad.length === 0 && at !== body.length) bad.push(`${body.length - at} bytes follow the last binary tensor`);
  const binaryOutput = request.parameters['binary_data_output'] === true;
  const outputs = request.outputs?.map((output) => requestOutput(output, binaryOutput, bad)) ?? null;
  if (bad.length > 0) throw new AgentError('REQUEST_INVALID', bad.join('; '));
  return {
    id: request.id,
    inputs,
    outputs: outputs?.length === 0 ? null : outputs,
    binaryOutput,
    preprocess: request.parameters['preprocess'] === true,
  };
}

function requestOutput(
  output: { name: string; parameters: Record<string, string | number | boolean> },
  binaryOutput: boolean,
  bad: string[],
): RequestOutput {
  const { binary_data: binary = binaryOutput, classification = 0 } = output.parameters;
  if (typeof binary !== 'boolean') bad.push(`outputs ${output.name}: binary_data: expected true or false`);
  if (typeof classification !== 'number' || !Number.isInteger(classification) || classification < 0) {
    bad.push(`outputs ${output.name}: classification: expected a number of classes`);
  }
  return { name: output.name, binary: binary === true, classification: Number(classification) || null };
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
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new AgentError('REQUEST_INVALID', 'the request is not JSON in UTF-8', { cause: error });
  }
}
