/** Which weights are stored in blocks, and why the others are not. */
import type { RecipePass } from '@verge/contracts';
import { attrInt, type Model, type Node } from '@verge/onnx';
import { denseOf, type Dense } from '../../graph/dense.js';
import { nodeName, type GraphIndex } from '../../graph/index-of-values.js';
import { operatorsInside } from '../branches.js';
import type { PassResult } from '../pass.js';
import { blockedBytes } from './matrix.js';

export type QuantizeWeightsOptions = Omit<Extract<RecipePass, { pass: 'quantize-weights' }>, 'pass'>;

/** A saving smaller than this is none: names and attributes take as much. */
const NODES_COST = 512;

/** A table that Gather reads rows of. */
export interface Table {
  readonly node: Node;
  readonly weight: string;
  readonly key: string;
  /** Rows, and the length of one. */
  readonly rows: number;
  readonly columns: number;
}
export type Layer = ({ kind: 'dense' } & { of: Dense }) | { kind: 'table'; of: Table };

const LEFT: Readonly<Record<string, string>> = {
  Conv: 'there is no convolution with weights in blocks; `codebook` and `quantize-static` suit it',
  ConvTranspose: 'there is no convolution with weights in blocks; `codebook` suits it',
  LSTM: 'there is no LSTM with weights in blocks; `quantize-dynamic` suits it',
  GRU: 'there is no GRU with weights in blocks; `codebook` and `float16` suit it',
  RNN: 'there is no RNN with weights in blocks; `codebook` and `float16` suit it',
};

function tableOf(node: Node, index: GraphIndex, embeddings: boolean): Table | string | null {
  const weight = node.inputs[0] as string;
  const tensor = index.floats(weight);
  if (!tensor || tensor.dims.length < 2) return null;
  if (!embeddings) return 'the recipe leaves tables in floats';
  if (tensor.dims.length > 2) return `its table has ${tensor.dims.length} axes, not 2`;
  if (attrInt(node, 'axis', 0) !== 0) return 'it reads columns of its table, not rows';
  const [rows, columns] = tensor.dims as [number, number];
  return { node, weight, key: weight, rows, columns };
}

function layerOf(node: Node, index: GraphIndex, options: QuantizeWeightsOptions): Layer | string | null {
  if (node.domain !== '') return null;
  if (LEFT[node.op] !== undefined) return LEFT[node.op] as string;
  const found = node.op === 'Gather' ? tableOf(node, index, options.embeddings) : denseOf(node, index);
  if (found === null || typeof found === 'string') return found;
  const table = node.op === 'Gather';
  const [lines, length] = table ? [found.rows, found.columns] : [found.columns, found.rows];
  const saved = 4 * lines * length - blockedBytes(lines, length, options.blockSize, options);
  if (saved < NODES_COST) return `its ${lines * length} weights would take no less in blocks of ${options.blockSize}`;
  return table ? { kind: 'table', of: found as Table } : { kind: 'dense', of: found as Dense };
}

export function chooseLayers(
  model: Model,
  index: GraphIndex,
  keep: ReadonlySet<string>,
  options: QuantizeWeightsOptions,
): { layers: Map<Node, Layer>; declined: PassResult['declined'] } {
  const layers = new Map<Node, Layer>();
  const declined = operatorsInside(model, new Set(['MatMul', 'Gemm']));
  for (const node of model.graph.nodes) {
    const layer = layerOf(node, index, options);
    if (layer === null) continue;
    const reason = keep.has(nodeName(node)) ? 'the recipe keeps it' : typeof layer === 'string' ? layer : null;
    if (reason === null) layers.set(node, layer as Layer);
    else declined.push({ node: nodeName(node), reason });
  }
  return { layers, declined };
}
