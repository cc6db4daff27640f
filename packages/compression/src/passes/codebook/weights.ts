/** Which constants get a list of values. */
import type { RecipePass } from '@verge/contracts';
import { attrInt, type Model, type Node } from '@verge/onnx';
import { findParameters } from '@verge/training';
import { GraphIndex, nodeName } from '../../graph/index-of-values.js';
import type { PassResult } from '../pass.js';

export type CodebookOptions = Omit<Extract<RecipePass, { pass: 'codebook' }>, 'pass'>;

/** Casts and gathers of a weight cost this many bytes of nodes, names and values: fewer elements than bytes gain nothing. */
const NODES_COST = 512;

/** The axis of the output channels in a weight, or null for operators that have none. */
function channelAxis(node: Node): number | null {
  if (node.domain !== '') return null;
  if (node.op === 'Conv') return 0;
  if (node.op === 'ConvTranspose') return attrInt(node, 'group', 1) === 1 ? 1 : null;
  if (node.op === 'Gemm') return attrInt(node, 'transB', 0) === 1 ? 0 : 1;
  return node.op === 'MatMul' ? 1 : null;
}

export interface Weight {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: Float32Array;
  readonly axis: number;
  readonly node: string;
  readonly bits: number;
  readonly scale: CodebookOptions['scale'];
  /** What a bit of a place costs; see `lloydMax`. */
  readonly rate: number;
  /** Groups of output channels, each with a list of its own. */
  readonly groups: number;
}

export interface Chosen {
  readonly weights: Weight[];
  readonly declined: PassResult['declined'];
}

/** What lists of values save of so many floats, in bytes. */
function saved(
  count: number,
  channels: number,
  bits: number,
  { groups, scale }: Pick<Weight, 'groups' | 'scale'>,
): number {
  const offsets = groups > 1 ? 4 * channels : 0;
  const scales = scale === 'channel' ? 4 * channels : 0;
  return count * (4 - (bits <= 4 ? 0.5 : 1)) - 4 * groups * 2 ** bits - offsets - scales;
}

class Choice {
  readonly weights = new Map<string, Weight>();
  readonly declined: PassResult['declined'] = [];
  readonly #index: GraphIndex;
  readonly #bits: ReadonlyMap<string, number>;

  constructor(
    model: Model,
    private readonly options: CodebookOptions,
  ) {
    this.#index = new GraphIndex(model.graph);
    this.#bits = new Map(options.layers.map(({ node, bits }) => [node, bits]));
  }

  /** Takes a constant that a node reads, or says why not. */
  take(node: string, name: string, what: { axis: number; vector: boolean }): void {
    const decline = (reason: string): unknown => this.declined.push({ node, reason });
    const [one, many] = what.vector ? ['its bias', 'biases'] : ['its weight', 'weights'];
    const tensor = this.#index.floats(name);
    const readers = this.#index.readers(name).map(nodeName);
    const kept = this.options.keep.find((k) => readers.includes(k));
    if (!tensor) return void decline(`${one} is no float32 constant of the model`);
    if (!what.vector && tensor.dims.length < 2) return void decline('its weight is a vector');
    if (kept !== undefined)
      return void decline(kept === node ? 'the recipe keeps it' : `the recipe keeps '${kept}', which shares ${one}`);
    const { data, dims } = tensor;
    const channels = dims[what.axis] as number;
    const bits = readers.map((r) => this.#bits.get(r)).find((b) => b !== undefined) ?? this.options.bits;
    const how = what.vector
      ? { scale: 'layer' as const, groups: 1 }
      : { scale: this.options.scale, groups: Math.min(this.options.groups, channels) };
    if (saved(data.length, channels, bits, how) < NODES_COST)
      return void decline(`its ${data.length} ${many} would take no less in a list`);
    if (!this.weights.has(name))
      this.weights.set(name, { name, dims, data, axis: what.axis, node, bits, rate: this.options.rate, ...how });
  }

  biases(model: Model): void {
    for (const [name, role] of findParameters(model.graph)) {
      const dims = this.#index.floats(name)?.dims ?? [];
      const [reader] = this.#index.readers(name);
      if (role !== 'bias' || !reader || dims.filter((d) => d > 1).length !== 1) continue;
      this.take(nodeName(reader), name, { axis: dims.findIndex((d) => d > 1), vector: true });
    }
  }
}

/** Weights of convolutions and dense layers, and biases where they are asked for; what would not become smaller is declined. */
export function weightsOf(model: Model, options: CodebookOptions): Chosen {
  const choice = new Choice(model, options);
  for (const node of model.graph.nodes) {
    const axis = channelAxis(node);
    if (axis !== null) choice.take(nodeName(node), node.inputs[1] as string, { axis, vector: false });
  }
  if (options.biases) choice.biases(model);
  return { weights: [...choice.weights.values()], declined: choice.declined };
}
