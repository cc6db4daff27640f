/** RotaryEmbedding of domain com.microsoft: that of the default domain with its inputs in another order. */
import { attrFloat, attrInt, int, type Node } from '@verge/onnx';
import { rotaryPositions } from './fused-attention.js';
import { rotaryEmbedding } from './rotary-embedding.js';
import type { Composite } from './row.js';

export const fusedRotaryEmbedding: Composite = {
  unsupported(node) {
    if (attrInt(node, 'is_packed_batching', 0) !== 0) return 'packed batches';
    return attrFloat(node, 'scale', 1) === 1 ? undefined : 'a scale';
  },
  decompose(t, node, mode) {
    const [x, positions, cos, sin] = node.inputs as [string, string, string, string];
    const shape = t.shape(x);
    const turned = attrInt(node, 'rotary_embedding_dim', 0);
    const heads =
      attrInt(node, 'num_heads', 0) || (shape.length === 3 ? shape[2]! / (2 * t.shape(cos)[1]!) : shape[1]!);
    const standard: Node = {
      ...node,
      domain: '',
      inputs: [x, cos, sin, rotaryPositions(t, x, positions)],
      attributes: new Map([
        ['interleaved', int(attrInt(node, 'interleaved', 0))],
        ['num_heads', int(heads)],
        ['rotary_embedding_dim', int(turned)],
      ]),
    };
    rotaryEmbedding.decompose(t, standard, mode);
  },
};
