/** `verge inspect`: what a model consists of and what it costs, as text, JSON or a drawing. */
import { basename } from 'node:path';
import {
  followAtSizes,
  type LayerSummary,
  type Model,
  type ModelSummary,
  summarize,
  symbolicSizes,
  type ValueSummary,
} from '@verge/onnx';
import { createOutput, fields, size, table } from '../output.js';
import { readGiven, writeWhole } from './files.js';
import { decodeFile, refuseUnknownSizes } from './model-file.js';

export interface InspectArguments {
  model: string;
  dim?: Record<string, number>;
  html?: string;
  svg?: string;
  json?: boolean;
}

const shape = (dims: ValueSummary['shape']): string => (dims ? `[${dims.map((d) => d ?? '?').join(', ')}]` : '?');
const count = (n: number | null): string => (n === null ? '?' : n.toLocaleString('en'));
const named = (record: Record<string, number | string>, between: string): string =>
  Object.entries(record)
    .map(([name, value]) => `${name}${between}${value}`)
    .join(', ') || '-';

function factsOf(s: ModelSummary, bytes: number): [string, string][] {
  const values = (list: ValueSummary[]): string =>
    list.map((v) => `${v.name} ${v.dtype ?? '?'} ${shape(v.shape)}`).join('; ');
  return [
    ['name', s.name],
    ['size', size(bytes)],
    ['producer', s.producer || '-'],
    ['IR version', String(s.irVersion)],
    ['opsets', named(s.opsets, ' ')],
    ['inputs', values(s.inputs)],
    ['outputs', values(s.outputs)],
    ['assumed', named(s.assumed, ' = ')],
    ['nodes', String(s.nodes)],
    ['operators', named(s.operators, ' ')],
    ['parameters', count(s.parameters)],
    ['weights', size(s.weightBytes)],
    ['MACs', count(s.macs)],
    ['activation peak', s.peakActivationBytes === null ? '?' : size(s.peakActivationBytes)],
    ['metadata', named(s.metadata, ' = ')],
  ];
}

/** Reasons beyond that many are in the JSON alone. */
const MOST_REASONS = 20;

function unknownOf({ unknown }: ModelSummary): string[] {
  if (unknown.length === 0) return [];
  const shown = unknown.slice(0, MOST_REASONS).map(({ node, reason }) => [node, reason]);
  const left = unknown.length - shown.length;
  return ['', table(['not known of', 'why'], shown), ...(left > 0 ? [`and of ${left} more (--json has all)`] : [])];
}

const work = ({ macs, note }: LayerSummary): string => count(macs) + (note === undefined ? '' : ` (${note})`);

function show(s: ModelSummary, bytes: number): string {
  return [
    fields(factsOf(s, bytes)),
    '',
    table(
      ['layer', 'operator', 'output', '>parameters', '>MACs'],
      s.layers.map((l) => [l.name, l.op, shape(l.shape), count(l.parameters), work(l)]),
    ),
    ...unknownOf(s),
  ].join('\n');
}

/** Writes what was asked for; layout is loaded only then. */
async function draw(options: InspectArguments, model: Model, summary: ModelSummary, bytes: number): Promise<void> {
  const { drawGraph, short } = await import('./graph-layout.js');
  const { graphSvg } = await import('./graph-svg.js');
  const title = basename(options.model);
  const drawing = drawGraph(followAtSizes(model, options.dim).model.graph, summary);
  const work = summary.macs === null ? '' : `, ${short(summary.macs)} MACs`;
  const svg = graphSvg(drawing, [title, `${summary.nodes} nodes, ${short(summary.parameters)} parameters${work}`]);
  if (options.svg) await writeWhole(options.svg, svg);
  if (options.html) {
    const { graphHtml } = await import('./graph-html.js');
    await writeWhole(options.html, graphHtml({ title, facts: factsOf(summary, bytes), svg, layers: summary.layers }));
  }
}

export async function inspectVerb(options: InspectArguments, json: boolean): Promise<void> {
  const bytes = await readGiven(options.model, 'model');
  const model = decodeFile(bytes, options.model);
  refuseUnknownSizes(symbolicSizes(model), '--dim', options.dim);
  const summary = summarize(model, options.dim);
  if (options.html || options.svg) await draw(options, model, summary, bytes.byteLength);
  createOutput(json).result({ bytes: bytes.byteLength, ...summary }, () => show(summary, bytes.byteLength));
}
