/**
 * Adapters as nodes of the forward graph, which the walker then differentiates like all others. Two formulations of the same
 * function:
 * - beside the layer: y = x W + (alpha / rank) * (x A') B', with A' and B' as the layer reads them. W stays a constant of the
 *   graph, and nothing as large as W is made in a step.
 * - in the weight: W' = W + (alpha / rank) * B A once a step, which the layer reads. Its gradient has the size of W.
 */
import {
  attrFloat,
  attrInt,
  elementCount,
  float,
  float32,
  int,
  int64,
  type Attribute,
  type Node,
  type Tensor,
} from '@verge/onnx';
import type { Reader, Site } from './sites.js';

/** Writes nodes around the model's own. */
export interface Around {
  /** Operator set of the model. */
  readonly opset: number;
  fresh(stem: string): string;
  constant(value: Tensor, stem: string): string;
}

/** One of the two factors, or its transpose. */
interface Factor {
  readonly name: string;
  readonly transposed: boolean;
}

export interface Adapter {
  readonly site: Site;
  /** Names of the factors: A is [rank, ...inside], B [outside, rank] or [outside, rank, 1, ...]. */
  readonly a: string;
  readonly b: string;
  readonly rank: number;
  /** alpha / rank. */
  readonly scale: number;
  readonly dropout: number;
}

/** Collects nodes in order. */
class Writer {
  readonly nodes: Node[] = [];

  constructor(private readonly around: Around) {}

  emit(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    to?: string,
  ): string {
    const output = to ?? this.around.fresh(op.toLowerCase());
    const values = new Map(Object.entries(attributes));
    this.nodes.push({ op, domain: '', name: output, inputs: [...inputs], outputs: [output], attributes: values });
    return output;
  }

  of({ name, transposed }: Factor): string {
    return transposed ? this.emit('Transpose', [name]) : name;
  }

  scaled(value: string, scale: number): string {
    return scale === 1 ? value : this.emit('Mul', [value, this.around.constant(float32([], [scale]), 'scale')]);
  }

  reshape(value: string, dims: readonly number[]): string {
    return this.emit('Reshape', [value, this.around.constant(int64([dims.length], dims), 'shape')]);
  }

  /** Inverted dropout in training, nothing in inference (Dropout-12: the ratio is an input). */
  dropped(value: string, ratio: number): string {
    if (ratio === 0) return value;
    if (this.around.opset < 12) return this.emit('Dropout', [value], { ratio: float(ratio) });
    return this.emit('Dropout', [value, this.around.constant(float32([], [ratio]), 'ratio')]);
  }
}

const flip = ({ name, transposed }: Factor): Factor => ({ name, transposed: !transposed });

/** The stored matrix's change is the product of these two: B A, or A^T B^T where it is stored as [in, out]. */
function factors({ site, a, b }: Adapter): [Factor, Factor] {
  const [left, right] = [b, a].map((name) => ({ name, transposed: false })) as [Factor, Factor];
  return site.turned ? [flip(right), flip(left)] : [left, right];
}

/** A product with the change of the weight, added to the product with the weight. */
function besideProduct(w: Writer, adapter: Adapter, { node, index, flipped }: Reader, base: string, to: string): void {
  const { scale, dropout } = adapter;
  const [l, r] = factors(adapter);
  const [first, second] = flipped ? [flip(r), flip(l)] : [l, r];
  const gemm = node.op === 'Gemm';
  const turned = gemm && attrInt(node, index === 0 ? 'transB' : 'transA', 0) === 1;
  const given = w.dropped(node.inputs[1 - index]!, dropout);
  const x = turned ? w.emit('Transpose', [given]) : given;
  const narrow = index === 1 ? w.emit('MatMul', [x, w.of(first)]) : w.emit('MatMul', [w.of(second), x]);
  if (gemm) {
    const alpha = float(scale * attrFloat(node, 'alpha', 1));
    const operands = index === 1 ? [narrow, second.name, base] : [first.name, narrow, base];
    const [transA, transB] = index === 1 ? [false, second.transposed] : [first.transposed, false];
    w.emit('Gemm', operands, { alpha, transA: int(+transA), transB: int(+transB) }, to);
    return;
  }
  const scaled = w.scaled(narrow, scale);
  const wide = index === 1 ? w.emit('MatMul', [scaled, w.of(second)]) : w.emit('MatMul', [w.of(first), scaled]);
  w.emit('Add', [base, wide], {}, to);
}

/** A convolution to `rank` channels a group with the layer's window, and a pointwise one from these. */
function besideConvolution(w: Writer, adapter: Adapter, { node }: Reader, base: string, to: string): void {
  const { site, a, b, scale, dropout } = adapter;
  const { groups } = site;
  const attributes = Object.fromEntries(node.attributes);
  const kernels =
    groups === 1
      ? a
      : w.emit(
          'Concat',
          Array.from({ length: groups }, () => a),
          { axis: int(0) },
        );
  const narrow = w.emit('Conv', [w.dropped(node.inputs[0]!, dropout), kernels], attributes);
  const wide = w.emit('Conv', [w.scaled(narrow, scale), b], { group: int(groups) });
  w.emit('Add', [base, wide], {}, to);
}

/**
 * The nodes that take the place of one that reads the weight: the same with another output, and the adapter beside it.
 */
export function writeBeside(around: Around, adapter: Adapter, reader: Reader): Node[] {
  const [to] = reader.node.outputs;
  const base = around.fresh('base');
  const w = new Writer(around);
  w.nodes.push({ ...reader.node, outputs: [base] });
  const write = adapter.site.kind === 'kernel' ? besideConvolution : besideProduct;
  write(w, adapter, reader, base, to!);
  return w.nodes;
}

export interface Changed {
  readonly nodes: readonly Node[];
  /** The weight with its adapter: what all its readers read. */
  readonly value: string;
}

/** W' = W + (alpha / rank) * B A, in one Gemm. */
export function writeInWeight(around: Around, adapter: Adapter): Changed {
  const { site, a, b, rank, scale } = adapter;
  const { weight, dims, outside } = site;
  const w = new Writer(around);
  if (site.kind === 'matrix') {
    const [l, r] = factors(adapter);
    const transposed = { transA: int(+l.transposed), transB: int(+r.transposed) };
    return { value: w.emit('Gemm', [l.name, r.name, weight], { alpha: float(scale), ...transposed }), nodes: w.nodes };
  }
  const columns = elementCount(site.inside);
  const left = w.reshape(b, [outside, rank]);
  const right = w.reshape(a, [rank, columns]);
  const sum = w.emit('Gemm', [left, right, w.reshape(weight, [outside, columns])], { alpha: float(scale) });
  return { value: w.reshape(sum, dims), nodes: w.nodes };
}
