/** What a plan of mixed precision should take, from the times of single kernels: cheap enough to try thousands of plans. */
import { type Model, type Node, provenTypes } from '@verge/onnx';
import { GraphIndex } from '../../../graph/index-of-values.js';
import { behindActivation, integerNodes, planQuantization, type QuantizationPlan } from '../plan.js';
import { labelOf, type NodeTimes, placeOf } from './labels.js';

/** A conversion between int8 and float32, whatever its size: a kernel's fixed cost. */
const CONVERSION_MS = 0.001;

export interface Times {
  readonly int8: NodeTimes;
  readonly float32: NodeTimes;
}

/** Elements of each value whose shape is proven, of one sample where the batch is open. */
function elementsOf(model: Model): (value: string) => number {
  const types = provenTypes(model);
  return (value) => {
    const type = types.get(value);
    if (type?.kind !== 'tensor' || !type.shape) return 0;
    return type.shape.reduce<number>((size, d) => size * (typeof d === 'number' ? d : 1), 1);
  };
}

interface Conversions {
  count: number;
  elements: number;
}

export class LatencyModel {
  readonly #index: GraphIndex;
  readonly #elements: (value: string) => number;
  readonly #all: QuantizationPlan;
  readonly #perElement: number;

  /** @param model labelled, bound to the samples */
  constructor(
    readonly model: Model,
    readonly times: Times,
  ) {
    this.#index = new GraphIndex(model.graph);
    this.#elements = elementsOf(model);
    this.#all = planQuantization(model);
    // All of a plan in int8 converts at the edges of the network only, and what else its kernels do there is paid for the same values.
    const edges = this.#conversions(this.#all);
    const spent = times.int8.rest.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
    this.#perElement = edges.elements > 0 ? Math.max(0, spent - edges.count * CONVERSION_MS) / edges.elements : 0;
  }

  /** Both times of a node with weights; null where one of them is not known. */
  of(place: number): { int8: number; float32: number } | null {
    const [int8, float32] = [this.times.int8.of.get(place), this.times.float32.of.get(place)];
    return int8 === undefined || float32 === undefined ? null : { int8, float32 };
  }

  /** Milliseconds of a run with these nodes in float32. */
  predict(keep: ReadonlySet<number>): number {
    const plan = planQuantization(this.model, new Set([...keep].map(labelOf)));
    const integer = integerNodes(plan);
    const { count, elements } = this.#conversions(plan);
    let sum = count * CONVERSION_MS + elements * this.#perElement;
    for (const node of integerNodes(this.#all)) {
      const place = placeOf(node);
      const both = this.of(place);
      if (both) sum += integer.has(node) ? both.int8 : both.float32;
      else sum += (integer.has(node) ? this.times.int8 : this.times.float32).of.get(place) ?? 0;
    }
    return sum;
  }

  #conversions(plan: QuantizationPlan): Conversions {
    const integer = integerNodes(plan);
    const found: Conversions = { count: 0, elements: 0 };
    for (const value of plan.activations) {
      const producer = this.#producer(value);
      const quantized = !producer || !integer.has(producer);
      const readers = this.#index.readers(value);
      const dequantized = this.#index.outputs.has(value) || readers.some((reader) => !integer.has(reader));
      // What float32 makes and float32 reads is read before it is converted.
      const times = Number(quantized) + Number(dequantized && !quantized);
      found.count += times;
      found.elements += times * this.#elements(value);
    }
    return found;
  }

  /** What computes a value, seen through an activation that is fused with it. */
  #producer(value: string): Node | undefined {
    const producer = this.#index.producers.get(value);
    const before = producer?.inputs[0];
    if (!producer || before === undefined || !['Relu', 'Clip'].includes(producer.op)) return producer;
    return behindActivation(before, this.#index) === value ? this.#index.producers.get(before) : producer;
  }
}
