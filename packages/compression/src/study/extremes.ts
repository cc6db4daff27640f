/** The least and the largest value of activations on samples, found by the runtime. */
import { attrFloat, type GraphBuilder, int, type Model, type Tensor } from '@verge/onnx';
import { CompressionError } from '../errors.js';
import { GraphIndex } from '../graph/index-of-values.js';
import type { Fed, Half, Question } from './ask.js';
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

const joined = (a: Range, b: Range = { min: 0, max: 0 }): Range => ({
  min: Math.min(a.min, b.min),
  max: Math.max(a.max, b.max),
});

export class Extremes implements Question {
  readonly #halves: Record<Half, Map<string, Range>> = { first: new Map(), second: new Map() };
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

  /** By representative; zero is in each range. */
  get ranges(): Map<string, Range> {
    const all = new Map(this.#halves.first);
    for (const [group, range] of this.#halves.second) all.set(group, joined(range, all.get(group)));
    return all;
  }

  /** Of half of the runs; the second is empty where there is one run. */
  of(half: Half): ReadonlyMap<string, Range> {
    return this.#halves[half];
  }

  take(values: readonly Tensor[], _fed: Fed, half: Half): void {
    const ranges = this.#halves[half];
    const of = (at: number | null): number => (at === null ? 0 : Number(values[at]!.data[0]));
    for (const { name, max, min, sum } of this.#asked) {
      const [least, most] = [of(min), of(max)];
      checkFinite(name, [least, most, of(sum)]);
      const group = this.groups.get(name)!;
      ranges.set(group, joined({ min: least, max: most }, ranges.get(group)));
    }
  }
}
