/** Weights that can have a low-rank adapter: those of MatMul, Gemm and Conv, seen as a matrix from what goes in to what comes out. */
import {
  attrInt,
  attrInts,
  elementCount,
  isDefaultDomain,
  readsOf,
  subgraphs,
  type Graph,
  type Node,
} from '@verge/onnx';
import { floatsOf } from '../roles.js';

/** A node that multiplies with the weight. */
export interface Reader {
  readonly node: Node;
  /** Which input of the node is the weight: 0 is the left operand of a product. */
  readonly index: number;
  /** Whether it multiplies with the weight's transpose. */
  readonly flipped: boolean;
}

export interface Site {
  readonly weight: string;
  readonly dims: readonly number[];
  /** A kernel is [out, in / groups, ...window]. */
  readonly kind: 'matrix' | 'kernel';
  /** Whether a matrix is stored as [in, out] instead of [out, in]. */
  readonly turned: boolean;
  /** Shape of A: [rank, in], or [rank, in / groups, ...window]; here without the rank. */
  readonly inside: readonly number[];
  /** Outputs of the layer: rows of B. */
  readonly outside: number;
  /** Of a convolution, else 1. */
  readonly groups: number;
  readonly readers: readonly Reader[];
  /** Whether a node reads it that does more than multiply (an activation behind it), so that nothing can be added to the product. */
  readonly fused: boolean;
}

export interface Sites {
  readonly sites: ReadonlyMap<string, Site>;
  /** Other float32 constants, with what is in the way. */
  readonly others: ReadonlyMap<string, string>;
}

type Product = 'Conv' | 'Gemm' | 'MatMul';

const products: Readonly<Record<string, Product>> = { Conv: 'Conv', Gemm: 'Gemm', MatMul: 'MatMul' };

/** What ONNX Runtime's optimiser makes of products and what stands around them. */
const fusedProducts: Readonly<Record<string, Product>> = {
  FusedConv: 'Conv',
  FusedGemm: 'Gemm',
  FusedMatMul: 'MatMul',
  TransposeMatMul: 'MatMul',
};

const isFused = ({ domain }: Node): boolean => domain === 'com.microsoft';

/** Which product a node is, apart from what else it does. */
function productOf(node: Node): Product | undefined {
  if (isDefaultDomain(node.domain)) return products[node.op];
  return isFused(node) ? fusedProducts[node.op] : undefined;
}

/** A Transpose of a matrix. */
function turns(node: Node): boolean {
  return node.op === 'Transpose' && isDefaultDomain(node.domain) && attrInts(node, 'perm', [1, 0]).join() === '1,0';
}

/** What a node that is no product does with the weight, as an obstacle. */
const obstacle = (node: Node): string => `'${node.name || node.outputs[0]}' (${node.op}) reads it`;

/** All nodes that multiply with a value, or what reads it otherwise. */
function readersOf(
  value: string,
  dims: readonly number[],
  reads: ReadonlyMap<string, readonly (readonly [Node, number])[]>,
  flipped = false,
): Reader[] | string {
  const found: Reader[] = [];
  for (const [node, index] of reads.get(value) ?? []) {
    const matrix = dims.length === 2;
    const product = productOf(node);
    if (product === 'Conv' && index === 1 && dims.length > 2) found.push({ node, index, flipped });
    else if (product && product !== 'Conv' && index < 2 && matrix) {
      const transposed = attrInt(node, index === 0 ? 'transA' : 'transB', 0) === 1;
      found.push({ node, index, flipped: flipped !== transposed });
    } else if (turns(node) && matrix) {
      const behind = readersOf(node.outputs[0]!, dims, reads, !flipped);
      if (typeof behind === 'string') return behind;
      found.push(...behind);
    } else {
      const factor = product && product !== 'Conv' && index < 2;
      return factor ? `it is [${dims.join(', ')}], which is no matrix` : obstacle(node);
    }
  }
  return found;
}

function siteOf(weight: string, dims: readonly number[], readers: readonly Reader[]): Site | string {
  const [first] = readers;
  if (!first) return 'nothing that is trained reads it';
  if (new Set(readers.map((r) => r.node)).size < readers.length) return 'a product with itself reads it';
  const fused = readers.some(({ node }) => isFused(node));
  if (dims.length > 2) {
    const groups = attrInt(first.node, 'group', 1);
    if (readers.some(({ node }) => attrInt(node, 'group', 1) !== groups))
      return 'convolutions of different groups read it';
    return {
      ...{ weight, dims, kind: 'kernel', turned: false, inside: dims.slice(1), outside: dims[0]!, groups, readers },
      fused,
    };
  }
  // On the right, x M, the matrix is [in, out]; on the left, M x, it is [out, in].
  const turned = (first.index === 1) !== first.flipped;
  const [rows, columns] = [dims[0]!, dims[1]!];
  const [inside, outside] = turned ? [rows, columns] : [columns, rows];
  return { weight, dims, kind: 'matrix', turned, inside: [inside], outside, groups: 1, readers, fused };
}

/** @param graph with an initializer for each parameter, and with the outputs that are trained and no others */
export function sitesOf(graph: Graph): Sites {
  const reads = new Map<string, (readonly [Node, number])[]>();
  for (const node of graph.nodes)
    node.inputs.forEach((name, i) => reads.set(name, [...(reads.get(name) ?? []), [node, i]]));
  const within = new Set(graph.nodes.filter((n) => subgraphs(n).length > 0).flatMap((n) => [...readsOf(n)]));
  const outputs = new Set(graph.outputs.map((o) => o.name));
  const sites = new Map<string, Site>();
  const others = new Map<string, string>();
  for (const [name, stored] of graph.initializers) {
    if (!floatsOf(stored) || elementCount(stored.value.dims) < 2) continue;
    const { dims } = stored.value;
    const readers = readersOf(name, dims, reads);
    let site = typeof readers === 'string' ? readers : siteOf(name, dims, readers);
    if (within.has(name)) site = 'the body of a control flow reads it';
    if (outputs.has(name)) site = 'it is an output';
    if (typeof site === 'string') others.set(name, site);
    else sites.set(name, site);
  }
  return { sites, others };
}
