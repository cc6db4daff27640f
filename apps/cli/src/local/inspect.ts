/** `verge inspect`: what a model consists of and what it costs, as text, JSON or a drawing. */
import { basename } from 'node:path';
import {
  followAtSizes,
  type LayerSummary,
  measureTypes,
  type Model,
  type ModelSummary,
  normalise,
  summarize,
  symbolicSizes,
  describeValue,
  type ValueSummary,
  withMeasured,
} from '@verge/onnx';
import { createOutput, fields, size, table } from '../output.js';
import { assumedFields } from './assumed.js';
import { writeWhole } from './files.js';
import { describeModel, loadModel, openModelFile, refuseUnknownSizes } from './model-file.js';

export interface InspectArguments {
  model: string;
  dim?: Record<string, number>;
  html?: string;
  svg?: string;
  measure?: boolean;
  strict?: boolean;
  json?: boolean;
}

const valueText = (v: ValueSummary): string => `${v.name} ${v.type ?? `${v.dtype ?? '?'} ${shape(v.shape)}`}`;

const shape = (dims: ValueSummary['shape']): string => (dims ? `[${dims.map((d) => d ?? '?').join(', ')}]` : '?');
const count = (n: number | null): string => (n === null ? '?' : n.toLocaleString('en'));
const named = (record: Record<string, number | string>, between: string): string =>
  Object.entries(record)
    .map(([name, value]) => `${name}${between}${value}`)
    .join(', ') || '-';

function factsOf(s: ModelSummary, bytes: number): [string, string][] {
  const values = (list: ValueSummary[]): string => list.map(valueText).join('; ');
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
    ...(s.macs !== s.macsPerSample ? [['MACs a sample', count(s.macsPerSample)] as [string, string]] : []),
    ['activation peak', s.peakActivationBytes === null ? '?' : size(s.peakActivationBytes)],
    ['metadata', named(s.metadata, ' = ')],
    ...assumedFields(s),
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
  const drawing = drawGraph(followAtSizes(normalise(model).model, options.dim).model.graph, summary);
  const work = summary.macs === null ? '' : `, ${short(summary.macs)} MACs`;
  const svg = graphSvg(drawing, [title, `${summary.nodes} nodes, ${short(summary.parameters)} parameters${work}`]);
  if (options.svg) await writeWhole(options.svg, svg);
  if (options.html) {
    const { graphHtml } = await import('./graph-html.js');
    await writeWhole(options.html, graphHtml({ title, facts: factsOf(summary, bytes), svg, layers: summary.layers }));
  }
}

/** What runs say of values that operators of other domains give, or why they could not. */
interface Measured {
  readonly types: Record<string, ValueSummary>;
  readonly sizes: Readonly<Record<string, readonly number[]>>;
  readonly failure: string | null;
}

async function measure(model: Model, options: InspectArguments): Promise<{ model: Model; measured: Measured }> {
  const { createSessionInProcess } = await import('@verge/runtime');
  try {
    // What ends the process that it runs in must not end this one.
    const whole = await loadModel(await openModelFile(options.model));
    const found = await measureTypes(normalise(whole).model, createSessionInProcess, {
      ...(options.dim && { dims: options.dim }),
    });
    const types = [...found.types].map(([name, type]): [string, ValueSummary] => [name, describeValue(name, type)]);
    const measured = { types: Object.fromEntries(types), sizes: found.sizes, failure: null };
    return { model: withMeasured(model, found), measured };
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    return { model, measured: { types: {}, sizes: {}, failure } };
  }
}

function measuredText({ types, sizes, failure }: Measured): string {
  if (failure !== null) return `not possible: ${failure}`;
  const values = Object.values(types).map(valueText);
  if (values.length === 0) return 'nothing: every value follows from the inputs';
  const at = Object.entries(sizes).map(([name, list]) => `${name} = ${list.join(' and ')}`);
  return `${values.join('; ')}${at.length > 0 ? `, at ${at.join(', ')}` : ''}`;
}

export async function inspectVerb(options: InspectArguments, json: boolean): Promise<void> {
  const { head: given, bytes } = await describeModel(options.model);
  refuseUnknownSizes(symbolicSizes(given), '--dim', options.dim);
  const { model, measured } = options.measure ? await measure(given, options) : { model: given, measured: null };
  const summary = summarize(model, options.dim, { strict: options.strict === true });
  if (options.html || options.svg) await draw(options, model, summary, bytes);
  const found = { bytes: bytes, ...summary, ...(measured && { measured }) };
  createOutput(json).result(found, () => {
    const text = show(summary, bytes);
    return measured ? `${text}\n\nmeasured: ${measuredText(measured)}` : text;
  });
}
