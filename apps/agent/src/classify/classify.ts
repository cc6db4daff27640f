/** One photograph or recording: its bytes to the likeliest classes, with the time that each stage took. */
import { readFile } from 'node:fs/promises';
import { classOutput } from '@verge/runtime';
import { z } from 'zod';
import { stagesOf, type Stage } from '../api/timing.js';
import { dtypeOf } from '../api/tensors.js';
import { AgentError } from '../errors.js';
import { unreadable } from '../serve/model-file.js';
import type { Answerer, Metadata } from './ask.js';

export interface FoundClass {
  /** Null where the model says the class itself, without scores. */
  score: number | null;
  index: number | null;
  /** Null where the model has no labels. */
  label: string | null;
}

export interface Classified {
  file: string;
  model: string;
  /** Digest of what answered. */
  digest: string | null;
  output: string;
  classes: FoundClass[];
  /** Milliseconds: of each stage, and of all from the file's bytes to the answer. */
  ms: Partial<Record<Stage, number>> & { all: number };
}

const Answer = z.object({
  outputs: z.tuple([z.object({ data: z.array(z.union([z.string(), z.number()])) })]),
});

/** The output that says the class. @throws AgentError `GIVEN_UNFIT` */
function chosenOutput({ name, outputs, parameters }: Metadata): { name: string; kind: 'scores' | 'labels' } {
  if (parameters['preprocess'] !== true) {
    const how = 'serve it with --preprocess FILE, or name both with --model and --preprocess';
    throw new AgentError('GIVEN_UNFIT', `${name} carries no preprocessing that makes its tensor of a file; ${how}`);
  }
  const ports = outputs.map((one) => ({ ...one, dtype: dtypeOf(one.datatype) }));
  const chosen = classOutput(ports);
  if (chosen) return chosen;
  const types = outputs.map((one) => `${one.name} ${one.datatype} [${one.shape.join(', ')}]`).join('; ');
  throw new AgentError('GIVEN_UNFIT', `${name} has no output that says a class: ${types}`);
}

/** `score:index:label` of the classification extension; a label may hold colons itself. */
function scored(text: string): FoundClass {
  const [, score, index, label] = /^([^:]+):([0-9]+)(?::(.*))?$/s.exec(text) ?? [];
  if (index === undefined) throw new AgentError('REQUEST_INVALID', `no class is ${JSON.stringify(text)}`);
  return { score: Number(score), index: Number(index), label: label ?? null };
}

function requestOf(bytes: Uint8Array, output: string, top: number | null): { body: Buffer; headerLength: number } {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  const size = { binary_data_size: length.length + bytes.length };
  const head = Buffer.from(
    JSON.stringify({
      parameters: { preprocess: true },
      inputs: [{ name: 'sample', shape: [1], datatype: 'BYTES', parameters: size }],
      outputs: [{ name: output, ...(top !== null && { parameters: { classification: top } }) }],
    }),
  );
  return { body: Buffer.concat([head, length, bytes]), headerLength: head.length };
}

/**
 * @param top how many classes
 * @throws AgentError `FILE_MISSING`, `GIVEN_UNFIT`, and what the model's server refuses
 */
export async function classify(answerer: Answerer, file: string, top: number): Promise<Classified> {
  const { model } = answerer;
  const { name: output, kind } = chosenOutput(model);
  const bytes = await readFile(file).catch((cause: unknown) => unreadable('the sample', file, cause));
  const { body, headerLength } = requestOf(bytes, output, kind === 'scores' ? top : null);
  const from = performance.now();
  const reply = await answerer.ask(body, headerLength);
  const all = performance.now() - from;
  const { data } = Answer.parse(JSON.parse(reply.body.toString('utf8'))).outputs[0];
  const { headers } = reply;
  return {
    file,
    model: model.name,
    digest: headers['verge-model-digest'] ?? headers['verge-manifest-digest'] ?? null,
    output,
    classes: data.map((one) =>
      kind === 'scores' ? scored(String(one)) : { score: null, index: null, label: String(one) },
    ),
    ms: { ...stagesOf(headers['server-timing'] ?? ''), all },
  };
}

/** For people. */
export function linesOf({ file, model, classes, ms }: Classified): string[] {
  const width = Math.max(...classes.map(({ index }) => String(index).length));
  const found = classes.map(({ score, index, label }) =>
    score === null
      ? `  ${label}`
      : `  ${score.toFixed(6)}  ${String(index).padStart(width)}${label === null ? '' : `  ${label}`}`,
  );
  const times = Object.entries(ms).map(([stage, took]) => `${stage} ${took.toFixed(1)} ms`);
  return [`${file} by ${model}`, ...found, `  ${times.join(', ')}`];
}
