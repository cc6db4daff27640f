/** Which operators compute in halves. What is not listed stays in float32. */
import type { Node } from '@verge/onnx';

/**
 * Operators of ONNX that take float16 wherever they take float32 (ONNX 1.22, type constraints of every version), without those that executors
 * lack kernels for (Min, Max, TopK, CumSum, RoiAlign, Upsample: ONNX Runtime, transformers/float16.py) and those that
 * need more digits (Sin, Cos and the like, whose angles grow with positions; random numbers, spectra, windows).
 */
const STANDARD = new Set(
  (
    'Abs Add ArgMax ArgMin Attention AveragePool BatchNormalization Clip Concat Conv ConvTranspose DeformConv DepthToSpace Div Dropout ' +
    'Einsum Elu Equal Erf Exp Expand Flatten GRU Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater ' +
    'GreaterOrEqual GridSample GroupNormalization HardSigmoid HardSwish Identity InstanceNormalization LRN LSTM LayerNormalization LeakyRelu ' +
    'Less LessOrEqual Log LogSoftmax LpNormalization LpPool MatMul MaxPool Mean MeanVarianceNormalization Mish Mul Neg PRelu Pad Pow ' +
    'RMSNormalization RNN Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceSum ' +
    'ReduceSumSquare Relu Reshape Resize ReverseSequence RotaryEmbedding ScatterElements ScatterND Selu Sigmoid Sign Slice Softmax Softplus ' +
    'Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum SwiGLU Swish Tanh ThresholdedRelu Tile Transpose Trilu Unsqueeze Where'
  ).split(' '),
);

/** Of com.microsoft (ONNX Runtime, ContribOperators.md). */
const MICROSOFT = new Set(['BiasGelu', 'FastGelu', 'FusedMatMul', 'Gelu', 'QuickGelu']);

export function takesHalves({ op, domain }: Node): boolean {
  return domain === '' ? STANDARD.has(op) : domain === 'com.microsoft' && MICROSOFT.has(op);
}

/** Inputs that are float32 whatever the others are: the factors of Resize, which came to place 2 with operator set 11. */
export const floatInput = ({ op }: Node, place: number, opset: number): boolean =>
  op === 'Resize' && place === (opset < 11 ? 1 : 2);

/** Mean and deviation that LayerNormalization gives besides are float32 (ONNX, LayerNormalization, `stash_type`). */
export const floatOutput = ({ op }: Node, place: number): boolean => op === 'LayerNormalization' && place > 0;

/** What tells of a value only how large it is, and reads it in either kind. */
export const readsEither = ({ op, domain }: Node): boolean => domain === '' && (op === 'Shape' || op === 'Size');

/** Operators through which numbers reach an angle or a whole number that must be exact. */
const ARITHMETIC = new Set(
  (
    'Add Sub Mul Div Neg MatMul Einsum Floor Ceil Round Min Max Mod Concat Transpose Reshape Unsqueeze Squeeze Expand ' +
    'Slice Identity Range Reciprocal'
  ).split(' '),
);
export const carriesDigits = ({ op, domain }: Node): boolean => domain === '' && ARITHMETIC.has(op);
