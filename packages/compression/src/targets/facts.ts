/** What the rules of targets ask of a model: its nodes, proven types and constants. */
import { type Model, type Node, provenTypes, type Tensor } from '@verge/onnx';
import { GraphIndex } from '../graph/index-of-values.js';

export class ModelFacts {
  readonly index: GraphIndex;
  readonly #types: ReturnType<typeof provenTypes>;

  /** @param model normalised; only its main graph is looked at, and nodes with branches count as one */
  constructor(readonly model: Model) {
    this.index = new GraphIndex(model.graph);
    this.#types = provenTypes(model);
  }

  get nodes(): readonly Node[] {
    return this.model.graph.nodes;
  }

  /** Element type that is proven of a value, or null. */
  dtype(value: string | undefined): string | null {
    const type = value === undefined ? undefined : this.#types.get(value);
    return type?.kind === 'tensor' ? type.dtype : null;
  }

  /** Sizes that are proven of a value; null where its rank is not known, and null for a size that is open. */
  shape(value: string | undefined): (number | null)[] | null {
    const type = value === undefined ? undefined : this.#types.get(value);
    if (type?.kind !== 'tensor' || !type.shape) return null;
    return type.shape.map((d) => (typeof d === 'number' ? d : null));
  }

  constant(value: string | undefined): Tensor | null {
    return this.index.constant(value);
  }
}

export const QUANTIZE = 'QuantizeLinear';
export const DEQUANTIZE = 'DequantizeLinear';
export const isPair = (node: Node): boolean => node.op === QUANTIZE || node.op === DEQUANTIZE;
