/** `verge inspect`: what a model consists of and what it costs. */
import { decodeModel, type ModelSummary, summarize, type ValueSummary } from '@verge/onnx';
import { createOutput, fields, size, table } from '../output.js';
import { readGiven } from './files.js';

export interface InspectArguments {
  model: string;
  dim?: Record<string, number>;
  json?: boolean;
}

const shape = (dims: ValueSummary['shape']): string => (dims ? `[${dims.map((d) => d ?? '?').join(', ')}]` : '?');
const count = (n: number | null): string => (n === null ? '?' : n.toLocaleString('en'));
const named = (record: Record<string, number | string>, between: string): string =>
  Object.entries(record)
    .map(([name, value]) => `${name}${between}${value}`)
    .join(', ') || '-';

function show(s: ModelSummary, bytes: number): string {
  const values = (list: ValueSummary[]): string =>
    list.map((v) => `${v.name} ${v.dtype ?? '?'} ${shape(v.shape)}`).join('; ');
  return [
    fields([
      ['name', s.name],
      ['size', size(bytes)],
      ['producer', s.producer || '-'],
      ['IR version', s.irVersion],
      ['opsets', named(s.opsets, ' ')],
      ['inputs', values(s.inputs)],
      ['outputs', values(s.outputs)],
      ['assumed', named(s.assumed, ' = ')],
      ['nodes', s.nodes],
      ['operators', named(s.operators, ' ')],
      ['parameters', count(s.parameters)],
      ['weights', size(s.weightBytes)],
      ['MACs', count(s.macs)],
      ['activation peak', size(s.peakActivationBytes)],
      ['metadata', named(s.metadata, ' = ')],
    ]),
    '',
    table(
      ['layer', 'operator', 'output', '>parameters', '>MACs'],
      s.layers.map((l) => [l.name, l.op, shape(l.shape), count(l.parameters), count(l.macs)]),
    ),
  ].join('\n');
}

export async function inspectVerb(options: InspectArguments, json: boolean): Promise<void> {
  const bytes = await readGiven(options.model, 'model');
  const summary = summarize(decodeModel(bytes), options.dim);
  createOutput(json).result({ bytes: bytes.byteLength, ...summary }, () => show(summary, bytes.byteLength));
}
