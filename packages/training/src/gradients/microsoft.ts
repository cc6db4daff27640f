/**
 * Continues the table of gradients with operators that ONNX Runtime's optimiser writes: each as the operators of the default
 * domain that it stands for. Names are qualified with the domain, as in @verge/onnx.
 */
import { exactGelu, fastGelu, quickGelu } from './fused-activations.js';
import { fusedAttention, multiHeadAttention } from './fused-attention.js';
import * as normalization from './fused-normalization.js';
import { FAKE_QUANTIZE, fakeQuantize, OWN_DOMAIN } from './fake-quantize.js';
import { fusedConv, fusedGemm, fusedMatMul } from './fused-products.js';
import { fusedRotaryEmbedding } from './fused-rotary.js';
import { matMulNBits } from './packed-products.js';
import type { Composite, Entry } from './row.js';

/** Operators that the default domain has had since, for the same types: QuantizeLinear-21 knows 4 and 16 bits. */
const standard: Composite = {
  decompose: (t, node) => void t.nodes.push({ ...node, domain: '' }),
};

const table = {
  SimplifiedLayerNormalization: normalization.simplifiedLayerNormalization,
  'com.microsoft.Attention': fusedAttention,
  'com.microsoft.BiasGelu': exactGelu,
  'com.microsoft.DequantizeLinear': standard,
  'com.microsoft.EmbedLayerNormalization': normalization.embedLayerNormalization,
  'com.microsoft.FastGelu': fastGelu,
  'com.microsoft.FusedConv': fusedConv,
  'com.microsoft.FusedGemm': fusedGemm,
  'com.microsoft.FusedMatMul': fusedMatMul,
  'com.microsoft.Gelu': exactGelu,
  'com.microsoft.MatMulNBits': matMulNBits,
  'com.microsoft.MultiHeadAttention': multiHeadAttention,
  'com.microsoft.QuantizeLinear': standard,
  'com.microsoft.QuickGelu': quickGelu,
  'com.microsoft.RotaryEmbedding': fusedRotaryEmbedding,
  'com.microsoft.SkipLayerNormalization': normalization.skipLayerNormalization,
  'com.microsoft.SkipSimplifiedLayerNormalization': normalization.skipSimplifiedLayerNormalization,
  'com.microsoft.TransposeMatMul': fusedMatMul,
} as const satisfies Readonly<Record<string, Entry>>;

export const fusedOps = Object.keys(table) as readonly (keyof typeof table)[];

/** The entry of an operator by its qualified name. */
export const fusedEntry = (name: string): Entry | undefined =>
  name === `${OWN_DOMAIN}.${FAKE_QUANTIZE}`
    ? fakeQuantize
    : Object.hasOwn(table, name)
      ? table[name as keyof typeof table]
      : undefined;
