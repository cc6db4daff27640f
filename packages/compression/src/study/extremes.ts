/** The least and the largest value of activations on samples, found by the runtime. */
import { attrFloat, type GraphBuilder, int, type Model, type Tensor } from '@verge/onnx';
import { CompressionError } from '../errors.js';
import { GraphIndex } from '../graph/index-of-values.js';
import type { Question } from './ask.js';
import type { Range } from './histogram.js';

/** Operators that give nothing below zero. */
const NOT_NEGATIVE = new Set(['Relu', 'Sigmoid', 'HardSigmoid', 'Softmax', 'Abs', 'Sqrt', 'Exp']);

/** Whether a value is never negative, as the operator that makes it says. */
function notNegative(value: string, index: GraphIndex): boolean {
  const maker = index.producers.get(value);
  if (!maker || maker.domain !== '') return false;
  if (maker.op !== 'Clip') return NOT_NEGATIVE.has(maker.op);
  const [, min] = maker.inputs;
  return min ? (index.floats(min)?.data[0] ?? -1) >= 0 : attrFloat(maker, 'min', -1) >= 0;
}

/** @throws CompressionError `bad-calibration` where something about a value is not finite */
export function checkFinite(name: string, values: Iterable<unknown>): void {
  for (const value of values)
    if (!Number.isFinite(value))
      throw new CompressionError(
        'bad-calibration',
        `'${name}' takes the value ${String(value)} on a calibration sample`,
      );
}

export class Extremes implements Question {
  /** By representative; zero is in each range. */
  readonly ranges = new Map<string, Range>();
  #asked: { name: string; max: number; min: number | null; sum: number | null }[] = [];

  /**
   * @param groups activations by the representative whose parameters they share
   * @param finite activations that another question of the same run finds finite
   */
  constructor(
    readonly groups: ReadonlyMap<string, string>,
    readonly finite: ReadonlySet<string> = new Set(),
  ) {}

  ask(builder: GraphBuilder, model: Model): readonly string[] {
    const index = new GraphIndex(model.graph);
    const names: string[] = [];
    const reduced = (op: string, name: string): number =>
      names.push(builder.node(op, [name], { keepdims: int(0) })) - 1;
    this.#asked = [...this.groups.keys()].map((name) => ({
      name,
      max: reduced('ReduceMax', name),
      min: notNegative(name, index) ? null : reduced('ReduceMin', name),
      // The sum of values that are not all finite is not finite either, which a maximum need not tell.
      sum: this.finite.has(name) ? null : reduced('ReduceSum', name),
    }));
    return names;
  }

  take(values: readonly Tensor[]): void {
    const of = (at: number | null): number => (at === null ? 0 : Number(values[at]!.data[0]));
    for (const { name, max, min, sum } of this.#asked) {
      const [least, most] = [of(min), of(max)];
      checkFinite(name, [least, most, of(sum)]);
      const group = this.groups.get(name)!;
      const range = this.ranges.get(group) ?? { min: 0, max: 0 };
      this.ranges.set(group, { min: Math.min(range.min, least), max: Math.max(range.max, most) });
    }
  }
}
