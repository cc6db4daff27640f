/** Continues `table-a-l.ts`, where the columns are explained. */
export const OPERATORS_M_Z = `
MatMul 1 2:2 1:1
MatMulInteger 10 2:4 1:1
Max 1 1:* 1:1 consumed_inputs=I
Max 6 1:* 1:1
MaxPool 1 1:1 1:1 auto_pad=s kernel_shape!=I pads=I strides=I
MaxPool 8 1:1 1:2 auto_pad=s kernel_shape!=I pads=I storage_order=i strides=I
MaxPool 10 1:1 1:2 auto_pad=s ceil_mode=i dilations=I kernel_shape!=I pads=I storage_order=i strides=I
MaxRoiPool 1 2:2 1:1 pooled_shape!=I spatial_scale=f
MaxUnpool 9 2:3 1:1 kernel_shape!=I pads=I strides=I
Mean 1 1:* 1:1 consumed_inputs=I
Mean 6 1:* 1:1
MeanVarianceNormalization 9 1:1 1:1 axes=I
MelWeightMatrix 17 5:5 1:1 output_datatype=i
Min 1 1:* 1:1 consumed_inputs=I
Min 6 1:* 1:1
Mish 18 1:1 1:1
Mod 10 2:2 1:1 fmod=i
Mul 1 2:2 1:1 axis=i broadcast=i consumed_inputs=I
Mul 6 2:2 1:1 axis=i broadcast=i
Mul 7 2:2 1:1
Multinomial 7 1:1 1:1 dtype=i sample_size=i seed=f
Neg 1 1:1 1:1 consumed_inputs=I
Neg 6 1:1 1:1
NegativeLogLikelihoodLoss 12 2:3 1:1 ignore_index=i reduction=s
NonMaxSuppression 10 2:5 1:1 center_point_box=i
NonZero 9 1:1 1:1
Not 1 1:1 1:1
OneHot 9 3:3 1:1 axis=i
Optional 15 0:1 1:1 type=p
OptionalGetElement 15 1:1 1:1
OptionalHasElement 15 1:1 1:1
OptionalHasElement 18 0:1 1:1
Or 1 2:2 1:1 axis=i broadcast=i
Or 7 2:2 1:1
PRelu 1 2:2 1:1 consumed_inputs=I
PRelu 6 2:2 1:1
Pad 1 1:1 1:1 mode=s paddings!=I value=f
Pad 2 1:1 1:1 mode=s pads!=I value=f
Pad 11 2:3 1:1 mode=s
Pad 18 2:4 1:1 mode=s
Pow 1 2:2 1:1 axis=i broadcast=i
Pow 7 2:2 1:1
QLinearConv 10 8:9 1:1 auto_pad=s dilations=I group=i kernel_shape=I pads=I strides=I
QLinearMatMul 10 8:8 1:1
QuantizeLinear 10 2:3 1:1
QuantizeLinear 13 2:3 1:1 axis=i
QuantizeLinear 19 2:3 1:1 axis=i saturate=i
QuantizeLinear 21 2:3 1:1 axis=i block_size=i output_dtype=i saturate=i
QuantizeLinear 23 2:3 1:1 axis=i block_size=i output_dtype=i precision=i saturate=i
RMSNormalization 23 2:2 1:1 axis=i epsilon=f stash_type=i
RNN 1 3:6 0:2 activation_alpha=F activation_beta=F activations=S clip=f direction=s hidden_size=i output_sequence=i
RNN 7 3:6 0:2 activation_alpha=F activation_beta=F activations=S clip=f direction=s hidden_size=i
RNN 14 3:6 0:2 activation_alpha=F activation_beta=F activations=S clip=f direction=s hidden_size=i layout=i
RandomNormal 1 0:0 1:1 dtype=i mean=f scale=f seed=f shape!=I
RandomNormalLike 1 1:1 1:1 dtype=i mean=f scale=f seed=f
RandomUniform 1 0:0 1:1 dtype=i high=f low=f seed=f shape!=I
RandomUniformLike 1 1:1 1:1 dtype=i high=f low=f seed=f
Range 11 3:3 1:1
Range 27 3:3 1:1 stash_type=i
Reciprocal 1 1:1 1:1 consumed_inputs=I
Reciprocal 6 1:1 1:1
ReduceL1 1 1:1 1:1 axes=I keepdims=i
ReduceL1 18 1:2 1:1 keepdims=i noop_with_empty_axes=i
ReduceL2 1 1:1 1:1 axes=I keepdims=i
ReduceL2 18 1:2 1:1 keepdims=i noop_with_empty_axes=i
ReduceLogSum 1 1:1 1:1 axes=I keepdims=i
ReduceLogSum 18 1:2 1:1 keepdims=i noop_with_empty_axes=i
ReduceLogSumExp 1 1:1 1:1 axes=I keepdims=i
ReduceLogSumExp 18 1:2 1:1 keepdims=i noop_with_empty_axes=i
ReduceMax 1 1:1 1:1 axes=I keepdims=i
ReduceMax 18 1:2 1:1 keepdims=i noop_with_empty_axes=i
ReduceMean 1 1:1 1:1 axes=I keepdims=i
ReduceMean 18 1:2 1:1 keepdims=i noop_with_empty_axes=i
ReduceMin 1 1:1 1:1 axes=I keepdims=i
ReduceMin 18 1:2 1:1 keepdims=i noop_with_empty_axes=i
ReduceProd 1 1:1 1:1 axes=I keepdims=i
ReduceProd 18 1:2 1:1 keepdims=i noop_with_empty_axes=i
ReduceSum 1 1:1 1:1 axes=I keepdims=i
ReduceSum 13 1:2 1:1 keepdims=i noop_with_empty_axes=i
ReduceSumSquare 1 1:1 1:1 axes=I keepdims=i
ReduceSumSquare 18 1:2 1:1 keepdims=i noop_with_empty_axes=i
RegexFullMatch 20 1:1 1:1 pattern=s
Relu 1 1:1 1:1 consumed_inputs=I
Relu 6 1:1 1:1
Reshape 1 1:1 1:1 consumed_inputs=I shape=I
Reshape 5 2:2 1:1
Reshape 14 2:2 1:1 allowzero=i
Resize 10 2:2 1:1 mode=s
Resize 11 3:4 1:1 coordinate_transformation_mode=s cubic_coeff_a=f exclude_outside=i extrapolation_value=f mode=s nearest_mode=s
Resize 13 1:4 1:1 coordinate_transformation_mode=s cubic_coeff_a=f exclude_outside=i extrapolation_value=f mode=s nearest_mode=s
Resize 18 1:4 1:1 antialias=i axes=I coordinate_transformation_mode=s cubic_coeff_a=f exclude_outside=i extrapolation_value=f keep_aspect_ratio_policy=s mode=s nearest_mode=s
ReverseSequence 10 2:2 1:1 batch_axis=i time_axis=i
RoiAlign 10 3:3 1:1 mode=s output_height=i output_width=i sampling_ratio=i spatial_scale=f
RoiAlign 16 3:3 1:1 coordinate_transformation_mode=s mode=s output_height=i output_width=i sampling_ratio=i spatial_scale=f
RotaryEmbedding 23 3:4 1:1 interleaved=i num_heads=i rotary_embedding_dim=i
Round 11 1:1 1:1
STFT 17 2:4 1:1 onesided=i
Scan 8 2:* 1:* body!=g directions=I num_scan_inputs!=i
Scan 9 1:* 1:* body!=g num_scan_inputs!=i scan_input_axes=I scan_input_directions=I scan_output_axes=I scan_output_directions=I
Scatter 9 3:3 1:1 axis=i
Scatter 11 deprecated
ScatterElements 11 3:3 1:1 axis=i
ScatterElements 16 3:3 1:1 axis=i reduction=s
ScatterND 11 3:3 1:1
ScatterND 16 3:3 1:1 reduction=s
Selu 1 1:1 1:1 alpha=f consumed_inputs=I gamma=f
Selu 6 1:1 1:1 alpha=f gamma=f
SequenceAt 11 2:2 1:1
SequenceConstruct 11 1:* 1:1
SequenceEmpty 11 0:0 1:1 dtype=i
SequenceErase 11 1:2 1:1
SequenceInsert 11 2:3 1:1
SequenceLength 11 1:1 1:1
SequenceMap 17 1:* 1:* body!=g
Shape 1 1:1 1:1
Shape 15 1:1 1:1 end=i start=i
Shrink 9 1:1 1:1 bias=f lambd=f
Sigmoid 1 1:1 1:1 consumed_inputs=I
Sigmoid 6 1:1 1:1
Sign 9 1:1 1:1
Sin 7 1:1 1:1
Sinh 9 1:1 1:1
Size 1 1:1 1:1
Slice 1 1:1 1:1 axes=I ends!=I starts!=I
Slice 10 3:5 1:1
Softmax 1 1:1 1:1 axis=i
SoftmaxCrossEntropyLoss 12 2:3 1:2 ignore_index=i reduction=s
Softplus 1 1:1 1:1
Softsign 1 1:1 1:1
SpaceToDepth 1 1:1 1:1 blocksize!=i
Split 1 1:2 1:* axis=i split=I
Split 2 1:1 1:* axis=i split=I
Split 13 1:2 1:* axis=i
Split 18 1:2 1:* axis=i num_outputs=i
SplitToSequence 11 1:2 1:1 axis=i keepdims=i
Sqrt 1 1:1 1:1 consumed_inputs=I
Sqrt 6 1:1 1:1
Squeeze 1 1:1 1:1 axes=I
Squeeze 13 1:2 1:1
StringConcat 20 2:2 1:1
StringNormalizer 10 1:1 1:1 case_change_action=s is_case_sensitive=i locale=s stopwords=S
StringSplit 20 1:1 2:2 delimiter=s maxsplit=i
Sub 1 2:2 1:1 axis=i broadcast=i consumed_inputs=I
Sub 6 2:2 1:1 axis=i broadcast=i
Sub 7 2:2 1:1
Sum 1 1:* 1:1 consumed_inputs=I
Sum 6 1:* 1:1
Swish 24 1:1 1:1 alpha=f
Tan 7 1:1 1:1
Tanh 1 1:1 1:1 consumed_inputs=I
Tanh 6 1:1 1:1
TensorScatter 24 2:3 1:1 axis=i mode=s
TfIdfVectorizer 9 1:1 1:1 max_gram_length!=i max_skip_count!=i min_gram_length!=i mode!=s ngram_counts!=I ngram_indexes!=I pool_int64s=I pool_strings=S weights=F
ThresholdedRelu 10 1:1 1:1 alpha=f
Tile 1 3:3 1:1
Tile 6 2:2 1:1
TopK 1 1:1 2:2 axis=i k!=i
TopK 10 2:2 2:2 axis=i
TopK 11 2:2 2:2 axis=i largest=i sorted=i
Transpose 1 1:1 1:1 perm=I
Trilu 14 1:2 1:1 upper=i
Unique 11 1:1 1:4 axis=i sorted=i
Unsqueeze 1 1:1 1:1 axes!=I
Unsqueeze 13 2:2 1:1
Upsample 1 1:1 1:1 height_scale!=f mode=s width_scale!=f
Upsample 7 1:1 1:1 mode=s scales!=F
Upsample 9 2:2 1:1 mode=s
Upsample 10 deprecated
Where 9 3:3 1:1
Xor 1 2:2 1:1 axis=i broadcast=i
Xor 7 2:2 1:1
`;
