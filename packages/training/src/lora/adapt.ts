/**
 * Low-rank adapters of a network (Hu et al., "LoRA", arXiv:2106.09685): the layer uses W + (alpha / rank) * B A, W stays as it
 * is, and A and B are ordinary parameters of the graph that is trained. Afterwards they are added to W.
 */
import { collectNames, elementCount, float32, opsetVersion, renameReads, type Model, type Node } from '@verge/onnx';
import type { NewValue } from '../export.js';
import { floatsOf } from '../roles.js';
import { Random } from '../random.js';
import { factorA, factorB } from './names.js';
import type { Site } from './sites.js';
import type { LoraSpec } from './spec.js';
import { writeBeside, writeInWeight, type Adapter, type Around } from './write.js';

export interface Adapted {
  readonly model: Model;
  /** The model without adapters. */
  readonly plain: Model;
  readonly adapters: readonly Adapter[];
}

/** Channels on both sides from which on a convolution to a few of them is cheap beside one to all. */
const WIDE = 128;
/** Beyond this share of the channels the rank is no longer few. */
const FEW = 1 / 4;

/**
 * Whether the adapter is added to the weight in each step, rather than computed beside the layer; dropout, which only the
 * adapter sees, leaves no choice. CPU milliseconds of a step of Adam, one thread, beside the layer / in the weight / all
 * weights trained:
 * - products: Transformer of width 256 (rank 8, 1,024 positions) 98 / 129 / 154, perceptron 784-1024-1024 (rank 8, batch 64)
 *   2.8 / 6.1 / 18.6;
 * - three 3x3 convolutions, rank 8, 16 images: 512 channels on 7x7 108 / 293 / 343, 256 on 14x14 100 / 183 / 197, 128 on 14x14
 *   34 / 45 / 49 (rank 32: 37 / 48), 64 on 28x28 (rank 4) 43 / 43; a residual network of 32 to 128 channels (rank 4) 82 / 70 / 76;
 * - three pointwise ones: 1,024 channels on 7x7 54 / 130 / 245, 256 on 14x14 19 / 23 / 29, 64 on 28x28 10 / 8 / 8;
 * - the depthwise ones of a MobileNetV2, rank 4: 220 / 48.
 */
function changesWeight({ kind, groups, inside, outside, fused }: Site, rank: number, dropout: number): boolean {
  if (fused) return true;
  if (kind === 'matrix' || dropout > 0) return false;
  const channels = Math.min(inside[0]!, outside);
  return groups > 1 || channels < WIDE || rank > FEW * channels;
}

/**
 * What A starts with: uniform within 1 / sqrt(inputs), as `kaiming_uniform_` with a = sqrt(5) draws it, from a stream of the
 * weight's own name; B starts with 0, so that the first step sees the given function.
 */
function initialA({ inside }: Site, rank: number, seed: number, name: string): Float32Array {
  const fan = elementCount(inside);
  const bound = 1 / Math.sqrt(fan);
  const random = new Random(seed, 'lora', name);
  return Float32Array.from({ length: rank * fan }, () => random.uniform(-bound, bound));
}

function dimsOfB({ kind, outside, inside }: Site, rank: number): number[] {
  return [outside, rank, ...(kind === 'kernel' ? inside.slice(1).map(() => 1) : [])];
}

/** Writes the adapters of the chosen weights into a model in training form. */
export function adapt(
  plain: Model,
  sites: readonly Site[],
  { rank, alpha, dropout = 0, seed = 1 }: LoraSpec,
  own: (name: string) => string,
): Adapted {
  const initializers = new Map(plain.graph.initializers);
  const taken = collectNames(plain.graph);
  const fresh = (stem: string): string => {
    let name = stem;
    for (let i = 1; taken.has(name); i++) name = `${stem}.${i}`;
    taken.add(name);
    return name;
  };
  const store = (name: string, dims: readonly number[], values: Float32Array): string => {
    initializers.set(name, { name, value: float32(dims, values) });
    return name;
  };
  const around: Around = {
    opset: opsetVersion(plain) ?? 0,
    fresh: (stem) => fresh(`lora.${stem}`),
    constant: (value, stem) => {
      const name = fresh(`lora.${stem}`);
      initializers.set(name, { name, value });
      return name;
    },
  };
  const adapters = sites.map((site): Adapter => {
    const [a, b] = [fresh(factorA(site.weight)), fresh(factorB(site.weight))];
    store(a, [rank, ...site.inside], initialA(site, rank, seed, own(site.weight)));
    const shape = dimsOfB(site, rank);
    store(b, shape, new Float32Array(elementCount(shape)));
    return { site, a, b, rank, scale: alpha / rank, dropout };
  });
  const within = adapters.filter(({ site }) => changesWeight(site, rank, dropout));
  const beside = adapters.filter((adapter) => !within.includes(adapter));
  const changed = within.map((adapter) => [adapter.site.weight, writeInWeight(around, adapter)] as const);
  const names = new Map(changed.map(([weight, { value }]) => [weight, value]));
  const readers = new Map(
    beside.flatMap((adapter) => adapter.site.readers.map((r) => [r.node, [adapter, r] as const])),
  );
  const nodes = plain.graph.nodes.flatMap((node): Node[] => {
    const found = readers.get(node);
    if (found) return writeBeside(around, ...found);
    return [node];
  });
  const graph = {
    ...plain.graph,
    nodes: [...changed.flatMap(([, { nodes: own }]) => own), ...nodes.map((n) => renameReads(n, names))],
    initializers,
  };
  return { model: { ...plain, graph }, plain, adapters };
}

/** A factor as it was trained, or as it was drawn where a group of the optimiser froze it. */
const trained = (
  { model }: Pick<Adapted, 'model'>,
  values: ReadonlyMap<string, Float32Array>,
  name: string,
): Float32Array => values.get(name) ?? floatsOf(model.graph.initializers.get(name))!;

/** A weight with its adapter added, in double precision; one whose adapter is still 0 keeps its bits. */
function addedTo(given: Float32Array, { site, rank, scale }: Adapter, left: Float32Array, right: Float32Array) {
  const weight = given.slice();
  const columns = elementCount(site.inside);
  const sums = new Float64Array(columns);
  for (let o = 0; o < site.outside; o++) {
    sums.fill(0);
    for (let k = 0; k < rank; k++) {
      const factor = left[o * rank + k]! * scale;
      for (let i = 0; i < columns; i++) sums[i]! += factor * right[k * columns + i]!;
    }
    for (let i = 0; i < columns; i++) {
      const at = site.turned ? i * site.outside + o : o * columns + i;
      if (sums[i] !== 0) weight[at]! += sums[i]!;
    }
  }
  return weight;
}

/** Values of the model's own constants: adapters are added to their weights when those are asked for, and gone. */
export function mergeAdapters(adapted: Adapted, values: ReadonlyMap<string, Float32Array>): Map<string, NewValue> {
  const { plain, adapters } = adapted;
  const merged = new Map<string, NewValue>(values);
  for (const adapter of adapters) {
    const { site, a, b } = adapter;
    const [left, right] = [trained(adapted, values, b), trained(adapted, values, a)];
    merged.set(site.weight, () => addedTo(floatsOf(plain.graph.initializers.get(site.weight))!, adapter, left, right));
    merged.delete(a);
    merged.delete(b);
  }
  return merged;
}

/** One of the two factors of a trained adapter. */
export interface FactorValues {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** The weight of the given model plus `scale` * B A, as a matrix [out, in], is that of the trained one. */
export interface AdapterValues {
  readonly rank: number;
  /** alpha / rank. */
  readonly scale: number;
  /** [rank, in], or [rank, in / groups, ...window]. */
  readonly a: FactorValues;
  /** [out, rank], or [out, rank, 1, ...]. */
  readonly b: FactorValues;
}

/** @param values by the names of the training form */
export function adapterValues(
  adapted: Adapted,
  values: ReadonlyMap<string, Float32Array>,
  own: (name: string) => string,
): Map<string, AdapterValues> {
  const factor = (name: string): FactorValues => ({
    shape: adapted.model.graph.initializers.get(name)!.value.dims,
    values: trained(adapted, values, name).slice(),
  });
  return new Map(
    adapted.adapters.map(({ site, a, b, rank, scale }) => [
      own(site.weight),
      { rank, scale, a: factor(a), b: factor(b) },
    ]),
  );
}
