/** Histograms of activations on samples. */
import { elementCount, type GraphBuilder, int64, type Model, provenTypes, type Tensor } from '@verge/onnx';
import type { Fed, Half, Question } from './ask.js';
import type { Extremes } from './extremes.js';
import { Histogram } from './histogram.js';

/** Values of an activation that are counted for each sample; of a larger one they are spread evenly. */
const COUNTED = 2 ** 13;

/** Odd, so that rows of even length are not met at the same places. */
function spread(size: number): number {
  const every = Math.floor(size / COUNTED);
  return every <= 1 ? 1 : every - 1 + (every % 2);
}

/** Of large activations a part is counted, which the runtime takes out; their least and largest values are exact. */
export class Counts implements Question {
  readonly #halves: Record<Half, Map<string, Histogram>> = { first: new Map(), second: new Map() };
  #asked: { group: string; every: number }[] = [];

  /** @param extremes asked before in the same run */
  constructor(readonly extremes: Extremes) {
    for (const half of Object.values(this.#halves))
      for (const group of extremes.groups.values()) half.set(group, new Histogram());
  }

  /** By representative. */
  get histograms(): Map<string, Histogram> {
    return new Map([...this.of('first')].map(([group, one]) => [group, one.with(this.of('second').get(group)!)]));
  }

  /** Of half of the runs; the second is empty where there is one run. */
  of(half: Half): ReadonlyMap<string, Histogram> {
    return this.#halves[half];
  }

  ask(builder: GraphBuilder, model: Model): readonly string[] {
    const types = provenTypes(model);
    const constant = (value: number): string => builder.constant(int64([1], [value]), 'places');
    const [all, first, last] = [constant(-1), constant(0), constant(2 ** 40)];
    const names: string[] = [];
    this.#asked = [...this.extremes.groups].map(([name, group]) => {
      const type = types.get(name);
      const shape = type?.kind === 'tensor' ? type.shape : null;
      // An open size counts as one: too many values are taken then, never too few.
      const every = spread(elementCount((shape ?? [1]).slice(1).map((d) => (typeof d === 'number' ? d : 1))));
      const flat = builder.node('Reshape', [name, all]);
      names.push(every === 1 ? flat : builder.node('Slice', [flat, first, last, first, constant(every)]));
      return { group, every };
    });
    return names;
  }

  take(values: readonly Tensor[], _fed: Fed, half: Half): void {
    const [histograms, ranges] = [this.of(half), this.extremes.of(half)];
    for (const [i, { group, every }] of this.#asked.entries())
      histograms.get(group)!.count(values[i]!.data as Float32Array, every, ranges.get(group)!);
  }
}
