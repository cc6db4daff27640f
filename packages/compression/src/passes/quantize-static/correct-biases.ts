/**
 * Bias correction: rounding weights and activations moves the mean of a layer's output channels; the bias takes that back (Nagel et
 * al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019, section 4.2, from samples without labels).
 */
import {
  attrInt,
  openModel,
  float32,
  GraphBuilder,
  int,
  ints,
  int64,
  opsetVersion,
  tensorInfo,
  type Model,
  type Node,
  type Tensor,
} from '@verge/onnx';
import { cloneModel, GraphIndex } from '../../graph/index-of-values.js';
import type { StudyOptions } from '../../study/calibrate.js';
import { checkFinite } from '../../study/extremes.js';
import type { Feeds } from '../../study/feeds.js';
import { Recorded } from '../../study/recorded.js';
import type { InsertResult } from './insert.js';
import { behindActivation, type QuantizationPlan, type WeightedUnit } from './plan.js';

/** A unit whose output is corrected. */
interface Corrected {
  unit: WeightedUnit;
  channels: number;
  /** Axes that the mean of a channel is taken over. */
  axes: number[];
  /** What is added to the bias. */
  shift: Float32Array;
}

function correctable(model: Model, plan: QuantizationPlan): Corrected[] {
  const index = new GraphIndex(model.graph);
  return plan.weighted
    .filter(({ node }) => node.op !== 'MatMul')
    .map((unit) => {
      const { dims } = index.floats(unit.weight) as { dims: readonly number[] };
      const groups = unit.node.op === 'ConvTranspose' ? attrInt(unit.node, 'group', 1) : 1;
      const channels = groups * (dims[unit.axis] as number);
      const rank = unit.node.op === 'Gemm' ? 2 : dims.length;
      const axes = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => axis !== 1);
      return { unit, channels, axes, shift: new Float32Array(channels) };
    });
}

/** The mean of each channel of a value: over the positions of a sample, which the runtime has a fast kernel for, then over the samples. */
function meanOf(builder: GraphBuilder, value: string, axes: readonly number[], opset: number): string {
  const over = (some: readonly number[], of: string): string => {
    const keepdims = int(0);
    if (opset < 18) return builder.node('ReduceMean', [of], { keepdims, axes: ints(some) });
    return builder.node('ReduceMean', [of, builder.constant(int64([some.length], some), 'axes')], { keepdims });
  };
  return over([0], axes.length > 1 ? over(axes.slice(1), value) : value);
}

/**
 * The mean of each channel of the outputs that a correction compares.
 * @param source bound to the samples
 * @param plan of `source`
 * @returns what is to be asked, and the activations that it finds finite
 */
export function recordedMeans(source: Model, plan: QuantizationPlan): { means: Recorded; finite: Set<string> } {
  const units = correctable(source, plan);
  const index = new GraphIndex(source.graph);
  const outputs = units.map(({ unit }) => unit.node.outputs[0] as string);
  const means = new Recorded(
    (builder, model) => units.map(({ axes }, k) => meanOf(builder, outputs[k]!, axes, opsetVersion(model) ?? 0)),
    (values) => values.forEach(({ data }, k) => checkFinite(outputs[k]!, data)),
  );
  return { means, finite: new Set(outputs.flatMap((output) => [output, behindActivation(output, index)])) };
}

/** Names of what `selfCorrecting` adds to a model, by unit. */
interface Correcting {
  /** What the mean of each channel should be. */
  wanted: string[];
  /** What the rows before said is missing. */
  before: string[];
  /** What these rows say. */
  own: string[];
}

/**
 * The quantized model that corrects itself in each run: what the mean of a unit's output lacks is added to the output, in part as these rows
 * say and in part as rows before said, ahead of all that reads it. Every unit thus finds the ones before it corrected.
 * @returns the model, whose input `share` is the part of these rows
 */
function selfCorrecting(
  { model: quantized, outputs }: Pick<InsertResult, 'model' | 'outputs'>,
  units: readonly Corrected[],
): { model: Model; share: string; names: Correcting } {
  const model = cloneModel(quantized);
  const { graph } = model;
  const builder = new GraphBuilder(graph);
  const names: Correcting = { wanted: [], before: [], own: [] };
  const input = (stem: string, shape: number[]): string => {
    const name = builder.fresh(stem);
    graph.inputs.push(tensorInfo(name, 'float32', shape));
    return name;
  };
  const share = input('share', []);
  const rest = builder.node('Sub', [builder.constant(float32([], [1]), 'one'), share]);
  graph.nodes.unshift(graph.nodes.pop() as Node);
  const opset = opsetVersion(model) ?? 0;
  for (const { unit, channels, axes } of units) {
    const output = outputs.get(unit.node.outputs[0] as string) as string;
    const at = graph.nodes.findIndex((n) => n.outputs[0] === output);
    const end = graph.nodes.length;
    const plain = builder.fresh('plain');
    (graph.nodes[at] as Node).outputs = [plain];
    const [wanted, before] = [input('wanted', [channels]), input('before', [channels])];
    const own = builder.node('Sub', [wanted, meanOf(builder, plain, axes, opset)]);
    const shift = builder.node('Add', [builder.node('Mul', [own, share]), builder.node('Mul', [before, rest])]);
    const shape = builder.constant(int64([axes.length + 1], [1, channels, ...axes.slice(1).map(() => 1)]), 'shape');
    builder.node('Add', [plain, builder.node('Reshape', [shift, shape])]);
    (graph.nodes.at(-1) as Node).outputs = [output];
    graph.nodes.splice(at + 1, 0, ...graph.nodes.splice(end));
    graph.outputs.push(tensorInfo(own, 'float32', [channels]));
    names.wanted.push(wanted);
    names.before.push(before);
    names.own.push(own);
  }
  return { model, share, names };
}

/**
 * How far the mean of each output channel of each Conv and Gemm lies above the quantized model's, where every layer before is corrected
 * already: the mean over the samples, some rows at a time.
 * @param source bound to the samples
 * @param means of `source`
 * @param quantized of `source`, likewise bound
 * @param plan of `source`
 * @returns by name of the unit's output what to add to its bias
 * @throws CompressionError `cancelled`, `bad-samples`
 */
async function biasShifts(
  source: Model,
  means: Recorded,
  quantized: Pick<InsertResult, 'model' | 'outputs'>,
  plan: QuantizationPlan,
  feeds: Feeds,
  options: StudyOptions,
): Promise<Map<string, Float32Array>> {
  const units = correctable(source, plan);
  if (units.length === 0) return new Map();
  const { model, share, names } = selfCorrecting(quantized, units);
  const session = await openModel(options.createSession, model, { quantizeAsWritten: true });
  try {
    let seen = 0;
    await means.replay(source, feeds, options, async (wanted, fed) => {
      const rows = Object.values(fed)[0]?.dims[0] ?? 1;
      seen += rows;
      const weight = rows / seen;
      const given: Record<string, Tensor> = { ...fed, [share]: float32([], [weight]) };
      for (const [k, { channels, shift }] of units.entries()) {
        given[names.wanted[k]!] = wanted[k]!;
        given[names.before[k]!] = float32([channels], shift);
      }
      const now = await session.run(given, names.own);
      for (const [k, { shift }] of units.entries()) {
        const own = now[names.own[k]!]!.data;
        for (let c = 0; c < shift.length; c++) shift[c]! += weight * (Number(own[c]) - shift[c]!);
      }
    });
  } finally {
    await session.release();
  }
  return new Map(units.map(({ unit, shift }) => [unit.node.outputs[0] as string, shift]));
}

/** The source with its biases moved; a unit that had none gets one. */
function withShiftedBiases(source: Model, plan: QuantizationPlan, shifts: ReadonlyMap<string, Float32Array>): Model {
  const index = new GraphIndex(source.graph);
  const model = cloneModel(source);
  const builder = new GraphBuilder(model.graph);
  const byOutput = new Map(plan.weighted.map((unit) => [unit.node.outputs[0], unit]));
  for (const node of model.graph.nodes) {
    const shift = shifts.get(node.outputs[0] as string);
    const unit = byOutput.get(node.outputs[0] as string);
    if (!shift || !unit) continue;
    const own = index.floats(unit.bias ?? undefined)?.data;
    const bias = own ? own.map((b, c) => b + (shift[c] as number)) : shift;
    const name = builder.constant(float32([bias.length], bias), 'bias');
    node.inputs = [node.inputs[0] as string, node.inputs[1] as string, name];
  }
  return model;
}

/**
 * @param bound `able` bound to the samples, as `quantized` is
 * @param means of `bound`
 * @param plan of `able`
 * @returns `able` with the biases that its quantization needs, and how many channels have another one
 * @throws CompressionError `cancelled`, `bad-samples`
 */
export async function correctBiases(
  bound: Model,
  means: Recorded,
  able: Model,
  quantized: Pick<InsertResult, 'model' | 'outputs'>,
  plan: QuantizationPlan,
  feeds: Feeds,
  options: StudyOptions,
): Promise<{ source: Model; channels: number }> {
  const shifts = await biasShifts(bound, means, quantized, plan, feeds, options);
  const channels = [...shifts.values()].reduce((sum, shift) => sum + shift.filter((s) => s !== 0).length, 0);
  return { source: withShiftedBiases(able, plan, shifts), channels };
}
