/** Nodes and constants of a quantized graph. */
import { GraphBuilder, int64, type Attributes, type Graph, type Node, type Tensor } from '@verge/onnx';
import type { AffineParams } from './scale.js';

/** A zero point as a constant of its type. */
export function zeroPointOf({ kind, zeroPoint }: AffineParams): Tensor {
  return kind === 'uint8'
    ? { dtype: kind, dims: [], data: Uint8Array.of(zeroPoint) }
    : { dtype: kind, dims: [], data: Int8Array.of(zeroPoint) };
}

/** Writes with short names for values and none for nodes: in a small model they would weigh as much as the weights. */
export class Pen {
  readonly #builder: GraphBuilder;
  /** Scales and zero points by content: many activations begin at zero, many layers have the same width. */
  readonly #constants = new Map<string, string>();

  constructor(graph: Graph) {
    this.#builder = new GraphBuilder(graph);
  }

  fresh(stem: string): string {
    return this.#builder.fresh(stem);
  }

  /** A constant of its own. */
  stored(value: Tensor, stem: string): string {
    return this.#builder.constant(value, stem);
  }

  /** A constant that all who ask for its value share. */
  constant(value: Tensor, stem: string): string {
    const { buffer, byteOffset, byteLength } = value.data as Float32Array;
    const key = `${value.dtype} ${value.dims.join()} ${Buffer.from(buffer, byteOffset, byteLength).toString('latin1')}`;
    const name = this.#constants.get(key) ?? this.stored(value, stem);
    this.#constants.set(key, name);
    return name;
  }

  scalar(value: number, stem = 'scale'): string {
    return this.constant({ dtype: 'float32', dims: [], data: Float32Array.of(value) }, stem);
  }

  node(op: string, inputs: string[], output: string, attributes: Attributes = {}): Node {
    const given = Object.entries(attributes).filter((entry) => entry[1] !== undefined);
    return { op, domain: '', name: '', inputs, outputs: [output], attributes: new Map(given) as Node['attributes'] };
  }

  shape(...dims: number[]): string {
    return this.constant(int64([dims.length], dims), 'shape');
  }

  /** A node that moves values and the pair behind it, onto a list; gives what the pair gives. */
  move(
    list: Node[],
    params: AffineParams,
    op: string,
    inputs: string[],
    attributes: Attributes = {},
    name = '',
  ): string {
    const [plain, rounded] = [this.fresh('y'), this.fresh('x')];
    list.push({ ...this.node(op, inputs, plain, attributes), name }, ...this.pair(plain, params, rounded).nodes);
    return rounded;
  }

  /** value -> QuantizeLinear -> DequantizeLinear -> output */
  pair(value: string, params: AffineParams, output: string): { nodes: [Node, Node]; quantized: string } {
    const [scale, zeroPoint] = [this.scalar(params.scale), this.constant(zeroPointOf(params), 'zero')];
    const quantized = this.fresh('q');
    const nodes: [Node, Node] = [
      this.node('QuantizeLinear', [value, scale, zeroPoint], quantized),
      this.node('DequantizeLinear', [quantized, scale, zeroPoint], output),
    ];
    return { nodes, quantized };
  }
}
