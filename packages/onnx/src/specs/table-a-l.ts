/**
 * Signatures of the operators of ONNX 1.22 (docs/Changelog.md, operator sets 1 to 27), one row for each version that
 * changed one:
 *
 *     operator  since-version  inputs(least:most)  outputs(least:most)  attribute=kind ...
 *
 * `*` is no upper bound, `!` marks a required attribute. Kinds: i int, f float, s string, t tensor, g graph,
 * x sparse tensor, p type; capitals are lists of them. `deprecated` stands where a version withdrew the operator.
 */
export const OPERATORS_A_L = `
Abs 1 1:1 1:1 consumed_inputs=I
Abs 6 1:1 1:1
Acos 7 1:1 1:1
Acosh 9 1:1 1:1
Add 1 2:2 1:1 axis=i broadcast=i consumed_inputs=I
Add 6 2:2 1:1 axis=i broadcast=i
Add 7 2:2 1:1
AffineGrid 20 2:2 1:1 align_corners=i
And 1 2:2 1:1 axis=i broadcast=i
And 7 2:2 1:1
ArgMax 1 1:1 1:1 axis=i keepdims=i
ArgMax 12 1:1 1:1 axis=i keepdims=i select_last_index=i
ArgMin 1 1:1 1:1 axis=i keepdims=i
ArgMin 12 1:1 1:1 axis=i keepdims=i select_last_index=i
Asin 7 1:1 1:1
Asinh 9 1:1 1:1
Atan 7 1:1 1:1
Atanh 9 1:1 1:1
Attention 23 3:6 1:4 is_causal=i kv_num_heads=i q_num_heads=i qk_matmul_output_mode=i scale=f softcap=f softmax_precision=i
Attention 24 3:7 1:4 is_causal=i kv_num_heads=i q_num_heads=i qk_matmul_output_mode=i scale=f softcap=f softmax_precision=i
Attention 25 3:7 1:4 is_causal=i kv_num_heads=i left_window_size=i q_num_heads=i qk_matmul_output_mode=i right_window_size=i scale=f softcap=f softmax_precision=i
AveragePool 1 1:1 1:1 auto_pad=s kernel_shape!=I pads=I strides=I
AveragePool 7 1:1 1:1 auto_pad=s count_include_pad=i kernel_shape!=I pads=I strides=I
AveragePool 10 1:1 1:1 auto_pad=s ceil_mode=i count_include_pad=i kernel_shape!=I pads=I strides=I
AveragePool 19 1:1 1:1 auto_pad=s ceil_mode=i count_include_pad=i dilations=I kernel_shape!=I pads=I strides=I
BatchNormalization 1 5:5 1:5 consumed_inputs!=I epsilon=f is_test=i momentum=f spatial=i
BatchNormalization 6 5:5 1:5 epsilon=f is_test=i momentum=f spatial=i
BatchNormalization 7 5:5 1:5 epsilon=f momentum=f spatial=i
BatchNormalization 9 5:5 1:5 epsilon=f momentum=f
BatchNormalization 14 5:5 1:3 epsilon=f momentum=f training_mode=i
Bernoulli 15 1:1 1:1 dtype=i seed=f
BitCast 26 1:1 1:1 to!=i
BitShift 11 2:2 1:1 direction!=s
BitwiseAnd 18 2:2 1:1
BitwiseNot 18 1:1 1:1
BitwiseOr 18 2:2 1:1
BitwiseXor 18 2:2 1:1
BlackmanWindow 17 1:1 1:1 output_datatype=i periodic=i
Cast 1 1:1 1:1 to!=s
Cast 6 1:1 1:1 to!=i
Cast 19 1:1 1:1 saturate=i to!=i
Cast 24 1:1 1:1 round_mode=s saturate=i to!=i
CastLike 15 2:2 1:1
CastLike 19 2:2 1:1 saturate=i
CastLike 24 2:2 1:1 round_mode=s saturate=i
CausalConvWithState 27 2:4 2:2 activation=s
Ceil 1 1:1 1:1 consumed_inputs=I
Ceil 6 1:1 1:1
Celu 12 1:1 1:1 alpha=f
CenterCropPad 18 2:2 1:1 axes=I
Clip 1 1:1 1:1 consumed_inputs=I max=f min=f
Clip 6 1:1 1:1 max=f min=f
Clip 11 1:3 1:1
Col2Im 18 3:3 1:1 dilations=I pads=I strides=I
Compress 9 2:2 1:1 axis=i
Concat 1 1:* 1:1 axis=i
Concat 4 1:* 1:1 axis!=i
ConcatFromSequence 11 1:1 1:1 axis!=i new_axis=i
Constant 1 0:0 1:1 value!=t
Constant 11 0:0 1:1 sparse_value=x value=t
Constant 12 0:0 1:1 sparse_value=x value=t value_float=f value_floats=F value_int=i value_ints=I value_string=s value_strings=S
ConstantOfShape 9 1:1 1:1 value=t
Conv 1 2:3 1:1 auto_pad=s dilations=I group=i kernel_shape=I pads=I strides=I
ConvInteger 10 2:4 1:1 auto_pad=s dilations=I group=i kernel_shape=I pads=I strides=I
ConvTranspose 1 2:3 1:1 auto_pad=s dilations=I group=i kernel_shape=I output_padding=I output_shape=I pads=I strides=I
Cos 7 1:1 1:1
Cosh 9 1:1 1:1
CumProd 26 2:2 1:1 exclusive=i reverse=i
CumSum 11 2:2 1:1 exclusive=i reverse=i
DFT 17 1:2 1:1 axis=i inverse=i onesided=i
DFT 20 1:3 1:1 inverse=i onesided=i
DeformConv 19 3:5 1:1 dilations=I group=i kernel_shape=I offset_group=i pads=I strides=I
DepthToSpace 1 1:1 1:1 blocksize!=i
DepthToSpace 11 1:1 1:1 blocksize!=i mode=s
DequantizeLinear 10 2:3 1:1
DequantizeLinear 13 2:3 1:1 axis=i
DequantizeLinear 21 2:3 1:1 axis=i block_size=i
DequantizeLinear 23 2:3 1:1 axis=i block_size=i output_dtype=i
Det 11 1:1 1:1
Div 1 2:2 1:1 axis=i broadcast=i consumed_inputs=I
Div 6 2:2 1:1 axis=i broadcast=i
Div 7 2:2 1:1
Dropout 1 1:1 1:2 consumed_inputs=I is_test=i ratio=f
Dropout 6 1:1 1:2 is_test=i ratio=f
Dropout 7 1:1 1:2 ratio=f
Dropout 12 1:3 1:2 seed=i
DynamicQuantizeLinear 11 1:1 3:3
Einsum 12 1:* 1:1 equation!=s
Elu 1 1:1 1:1 alpha=f consumed_inputs=I
Elu 6 1:1 1:1 alpha=f
Equal 1 2:2 1:1 axis=i broadcast=i
Equal 7 2:2 1:1
Erf 9 1:1 1:1
Exp 1 1:1 1:1 consumed_inputs=I
Exp 6 1:1 1:1
Expand 8 2:2 1:1
EyeLike 9 1:1 1:1 dtype=i k=i
Flatten 1 1:1 1:1 axis=i
Floor 1 1:1 1:1 consumed_inputs=I
Floor 6 1:1 1:1
GRU 1 3:6 2:2 activation_alpha=F activation_beta=F activations=S clip=f direction=s hidden_size=i output_sequence=i
GRU 3 3:6 0:2 activation_alpha=F activation_beta=F activations=S clip=f direction=s hidden_size=i linear_before_reset=i output_sequence=i
GRU 7 3:6 0:2 activation_alpha=F activation_beta=F activations=S clip=f direction=s hidden_size=i linear_before_reset=i
GRU 14 3:6 0:2 activation_alpha=F activation_beta=F activations=S clip=f direction=s hidden_size=i layout=i linear_before_reset=i
Gather 1 2:2 1:1 axis=i
GatherElements 11 2:2 1:1 axis=i
GatherND 11 2:2 1:1
GatherND 12 2:2 1:1 batch_dims=i
Gelu 20 1:1 1:1 approximate=s
Gemm 1 3:3 1:1 alpha=f beta=f broadcast=i transA=i transB=i
Gemm 7 3:3 1:1 alpha=f beta=f transA=i transB=i
Gemm 11 2:3 1:1 alpha=f beta=f transA=i transB=i
GlobalAveragePool 1 1:1 1:1
GlobalLpPool 1 1:1 1:1 p=f
GlobalLpPool 2 1:1 1:1 p=i
GlobalMaxPool 1 1:1 1:1
Greater 1 2:2 1:1 axis=i broadcast=i
Greater 7 2:2 1:1
GreaterOrEqual 12 2:2 1:1
GridSample 16 2:2 1:1 align_corners=i mode=s padding_mode=s
GroupNormalization 18 deprecated
GroupNormalization 21 3:3 1:1 epsilon=f num_groups!=i stash_type=i
HammingWindow 17 1:1 1:1 output_datatype=i periodic=i
HannWindow 17 1:1 1:1 output_datatype=i periodic=i
HardSigmoid 1 1:1 1:1 alpha=f beta=f consumed_inputs=I
HardSigmoid 6 1:1 1:1 alpha=f beta=f
HardSwish 14 1:1 1:1
Hardmax 1 1:1 1:1 axis=i
Identity 1 1:1 1:1
If 1 1:1 1:* else_branch!=g then_branch!=g
ImageDecoder 20 1:1 1:1 pixel_format=s
InstanceNormalization 1 3:3 1:1 consumed_inputs=I epsilon=f
InstanceNormalization 6 3:3 1:1 epsilon=f
IsInf 10 1:1 1:1 detect_negative=i detect_positive=i
IsNaN 9 1:1 1:1
LRN 1 1:1 1:1 alpha=f beta=f bias=f size!=i
LSTM 1 3:8 0:3 activation_alpha=F activation_beta=F activations=S clip=f direction=s hidden_size=i input_forget=i output_sequence=i
LSTM 7 3:8 0:3 activation_alpha=F activation_beta=F activations=S clip=f direction=s hidden_size=i input_forget=i
LSTM 14 3:8 0:3 activation_alpha=F activation_beta=F activations=S clip=f direction=s hidden_size=i input_forget=i layout=i
LayerNormalization 17 2:3 1:3 axis=i epsilon=f stash_type=i
LeakyRelu 1 1:1 1:1 alpha=f consumed_inputs=I
LeakyRelu 6 1:1 1:1 alpha=f
Less 1 2:2 1:1 axis=i broadcast=i
Less 7 2:2 1:1
LessOrEqual 12 2:2 1:1
LinearAttention 27 3:6 2:2 chunk_size=i kv_num_heads!=i q_num_heads!=i scale=f update_rule=s
Log 1 1:1 1:1 consumed_inputs=I
Log 6 1:1 1:1
LogSoftmax 1 1:1 1:1 axis=i
Loop 1 3:* 1:* body!=g
Loop 11 2:* 1:* body!=g
LpNormalization 1 1:1 1:1 axis=i p=i
LpPool 1 1:1 1:1 auto_pad=s kernel_shape=I p=f pads=I strides=I
LpPool 2 1:1 1:1 auto_pad=s kernel_shape!=I p=i pads=I strides=I
LpPool 18 1:1 1:1 auto_pad=s ceil_mode=i dilations=I kernel_shape!=I p=i pads=I strides=I
`;
