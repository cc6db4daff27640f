/**
 * Bias correction: rounding weights and activations moves the mean of a layer's output channels; the bias takes that back (Nagel et
 * al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019, section 4.2, from samples without labels).
 */
import {
  encodeModel,
  float32,
  GraphBuilder,
  int,
  ints,
  int64,
  opsetVersion,
  tensorInfo,
  type Model,
  type Tensor,
} from '@verge/onnx';
import { cloneModel, GraphIndex } from '../../graph/index-of-values.js';
import type { StudyOptions } from '../../study/calibrate.js';
import type { Feeds } from '../../study/feeds.js';
import { stream } from '../../study/stream.js';
import type { InsertResult } from './insert.js';
import type { QuantizationPlan, WeightedUnit } from './plan.js';

/** Rows of one run: the layers' whole outputs are inside it. */
const ROWS = 4;

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
    .filter(({ node }) => node.op === 'Conv' || node.op === 'Gemm')
    .map((unit) => {
      const { dims } = index.floats(unit.weight) as { dims: readonly number[] };
      const channels = dims[unit.axis] as number;
      const rank = unit.node.op === 'Gemm' ? 2 : dims.length;
      const axes = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => axis !== 1);
      return { unit, channels, axes, shift: new Float32Array(channels) };
    });
}

/** Adds the mean of each channel of a value to the outputs of a model. */
function meanOf(model: Model, builder: GraphBuilder, value: string, axes: readonly number[]): string {
  const keepdims = int(0);
  const mean =
    (opsetVersion(model) ?? 0) < 18
      ? builder.node('ReduceMean', [value], { keepdims, axes: ints(axes) })
      : builder.node('ReduceMean', [value, builder.constant(int64([axes.length], axes), 'axes')], { keepdims });
  model.graph.outputs.push(tensorInfo(mean, 'float32', null));
  return mean;
}

/** The source with the means of the units' outputs. */
function sourceWithMeans(source: Model, units: readonly Corrected[]): { model: Model; means: string[] } {
  const model = cloneModel(source);
  const builder = new GraphBuilder(model.graph);
  return { model, means: units.map(({ unit, axes }) => meanOf(model, builder, unit.node.outputs[0] as string, axes)) };
}

/** The quantized model with the same means, and an input for each unit that is added to its bias. */
function quantizedWithMeans(
  { model: quantized, outputs }: Pick<InsertResult, 'model' | 'outputs'>,
  units: readonly Corrected[],
): { model: Model; means: string[]; shifts: string[] } {
  const model = cloneModel(quantized);
  const builder = new GraphBuilder(model.graph);
  const before = model.graph.nodes;
  const [means, shifts]: [string[], string[]] = [[], []];
  const additions = new Map<string, (typeof before)[number]>();
  for (const { unit, channels, axes } of units) {
    const output = outputs.get(unit.node.outputs[0] as string) as string;
    const node = before.find((n) => n.outputs[0] === output) as (typeof before)[number];
    const shift = builder.fresh('shift');
    model.graph.inputs.push(tensorInfo(shift, 'float32', [channels]));
    shifts.push(shift);
    const bias = node.inputs[2];
    if (bias) {
      const sum = builder.fresh('bias');
      additions.set(output, {
        op: 'Add',
        domain: '',
        name: '',
        inputs: [bias, shift],
        outputs: [sum],
        attributes: new Map(),
      });
      node.inputs[2] = sum;
    } else node.inputs = [node.inputs[0] as string, node.inputs[1] as string, shift];
    means.push(meanOf(model, builder, output, axes));
  }
  model.graph.nodes = model.graph.nodes.flatMap((n) => {
    const addition = additions.get(n.outputs[0] as string);
    return addition ? [addition, n] : [n];
  });
  return { model, means, shifts };
}

/**
 * How far the mean of each output channel of each Conv and Gemm lies above the quantized model's, where every layer before is corrected
 * already. All layers are estimated in one run over the samples: each few rows show the quantized model with what the rows before
 * gave, and later rows, which find the layers before nearer to their end, weigh more (a mean with weights 1, 2, 3, …).
 * @param source bound to the samples
 * @param quantized of `source`, likewise bound
 * @param plan of `source`
 * @returns by name of the unit's output what to add to its bias
 * @throws CompressionError `cancelled`, `bad-samples`
 */
async function biasShifts(
  source: Model,
  quantized: Pick<InsertResult, 'model' | 'outputs'>,
  plan: QuantizationPlan,
  feeds: Feeds,
  options: StudyOptions,
): Promise<Map<string, Float32Array>> {
  const units = correctable(source, plan);
  if (units.length === 0) return new Map();
  const expected = sourceWithMeans(source, units);
  const given = quantizedWithMeans(quantized, units);
  const reference = await options.createSession(encodeModel(expected.model), { optimization: 'extended' });
  try {
    const settings = { optimization: 'extended' as const, quantizeAsWritten: true };
    const session = await options.createSession(encodeModel(given.model), settings);
    try {
      let seen = 0;
      const update = async (fetched: Record<string, Tensor>, fed: Record<string, Tensor>): Promise<void> => {
        const rows = Object.values(fed)[0]?.dims[0] ?? 1;
        const shifts = given.shifts.map((name, k) => [name, float32([units[k]!.channels], units[k]!.shift)] as const);
        const now = await session.run({ ...fed, ...Object.fromEntries(shifts) }, given.means);
        seen += rows;
        const weight = Math.min(1, (2 * rows) / (seen + rows));
        for (const [k, { shift }] of units.entries()) {
          const [wanted, got] = [fetched[expected.means[k] as string]!, now[given.means[k] as string]!];
          for (let c = 0; c < shift.length; c++) shift[c]! += weight * (Number(wanted.data[c]) - Number(got.data[c]));
        }
      };
      await stream(reference, feeds, expected.means, update, options, ROWS);
    } finally {
      await session.release();
    }
  } finally {
    await reference.release();
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
 * @param plan of `able`
 * @returns `able` with the biases that its quantization needs, and how many channels have another one
 * @throws CompressionError `cancelled`, `bad-samples`
 */
export async function correctBiases(
  bound: Model,
  able: Model,
  quantized: Pick<InsertResult, 'model' | 'outputs'>,
  plan: QuantizationPlan,
  feeds: Feeds,
  options: StudyOptions,
): Promise<{ source: Model; channels: number }> {
  const shifts = await biasShifts(bound, quantized, plan, feeds, options);
  const channels = [...shifts.values()].reduce((sum, shift) => sum + shift.filter((s) => s !== 0).length, 0);
  return { source: withShiftedBiases(able, plan, shifts), channels };
}
