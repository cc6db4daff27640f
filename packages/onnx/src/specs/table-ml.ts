/** The ai.onnx.ml, ai.onnx.training and preview domains; columns as in `table-a-l.ts`. */
export const OPERATORS_ML = `
ai.onnx.ml.ArrayFeatureExtractor 1 2:2 1:1
ai.onnx.ml.Binarizer 1 1:1 1:1 threshold=f
ai.onnx.ml.CastMap 1 1:1 1:1 cast_to=s map_form=s max_map=i
ai.onnx.ml.CategoryMapper 1 1:1 1:1 cats_int64s=I cats_strings=S default_int64=i default_string=s
ai.onnx.ml.DictVectorizer 1 1:1 1:1 int64_vocabulary=I string_vocabulary=S
ai.onnx.ml.FeatureVectorizer 1 1:* 1:1 inputdimensions=I
ai.onnx.ml.Imputer 1 1:1 1:1 imputed_value_floats=F imputed_value_int64s=I replaced_value_float=f replaced_value_int64=i
ai.onnx.ml.LabelEncoder 1 1:1 1:1 classes_strings=S default_int64=i default_string=s
ai.onnx.ml.LabelEncoder 2 1:1 1:1 default_float=f default_int64=i default_string=s keys_floats=F keys_int64s=I keys_strings=S values_floats=F values_int64s=I values_strings=S
ai.onnx.ml.LabelEncoder 4 1:1 1:1 default_float=f default_int64=i default_string=s default_tensor=t keys_floats=F keys_int64s=I keys_strings=S keys_tensor=t values_floats=F values_int64s=I values_strings=S values_tensor=t
ai.onnx.ml.LinearClassifier 1 1:1 2:2 classlabels_ints=I classlabels_strings=S coefficients!=F intercepts=F multi_class=i post_transform=s
ai.onnx.ml.LinearRegressor 1 1:1 1:1 coefficients=F intercepts=F post_transform=s targets=i
ai.onnx.ml.Normalizer 1 1:1 1:1 norm=s
ai.onnx.ml.OneHotEncoder 1 1:1 1:1 cats_int64s=I cats_strings=S zeros=i
ai.onnx.ml.SVMClassifier 1 1:1 2:2 classlabels_ints=I classlabels_strings=S coefficients=F kernel_params=F kernel_type=s post_transform=s prob_a=F prob_b=F rho=F support_vectors=F vectors_per_class=I
ai.onnx.ml.SVMRegressor 1 1:1 1:1 coefficients=F kernel_params=F kernel_type=s n_supports=i one_class=i post_transform=s rho=F support_vectors=F
ai.onnx.ml.Scaler 1 1:1 1:1 offset=F scale=F
ai.onnx.ml.TreeEnsemble 5 1:1 1:1 aggregate_function=i leaf_targetids!=I leaf_weights!=t membership_values=t n_targets=i nodes_falseleafs!=I nodes_falsenodeids!=I nodes_featureids!=I nodes_hitrates=t nodes_missing_value_tracks_true=I nodes_modes!=t nodes_splits!=t nodes_trueleafs!=I nodes_truenodeids!=I post_transform=i tree_roots!=I
ai.onnx.ml.TreeEnsembleClassifier 1 1:1 2:2 base_values=F class_ids=I class_nodeids=I class_treeids=I class_weights=F classlabels_int64s=I classlabels_strings=S nodes_falsenodeids=I nodes_featureids=I nodes_hitrates=F nodes_missing_value_tracks_true=I nodes_modes=S nodes_nodeids=I nodes_treeids=I nodes_truenodeids=I nodes_values=F post_transform=s
ai.onnx.ml.TreeEnsembleClassifier 3 1:1 2:2 base_values=F base_values_as_tensor=t class_ids=I class_nodeids=I class_treeids=I class_weights=F class_weights_as_tensor=t classlabels_int64s=I classlabels_strings=S nodes_falsenodeids=I nodes_featureids=I nodes_hitrates=F nodes_hitrates_as_tensor=t nodes_missing_value_tracks_true=I nodes_modes=S nodes_nodeids=I nodes_treeids=I nodes_truenodeids=I nodes_values=F nodes_values_as_tensor=t post_transform=s
ai.onnx.ml.TreeEnsembleClassifier 5 deprecated
ai.onnx.ml.TreeEnsembleRegressor 1 1:1 1:1 aggregate_function=s base_values=F n_targets=i nodes_falsenodeids=I nodes_featureids=I nodes_hitrates=F nodes_missing_value_tracks_true=I nodes_modes=S nodes_nodeids=I nodes_treeids=I nodes_truenodeids=I nodes_values=F post_transform=s target_ids=I target_nodeids=I target_treeids=I target_weights=F
ai.onnx.ml.TreeEnsembleRegressor 3 1:1 1:1 aggregate_function=s base_values=F base_values_as_tensor=t n_targets=i nodes_falsenodeids=I nodes_featureids=I nodes_hitrates=F nodes_hitrates_as_tensor=t nodes_missing_value_tracks_true=I nodes_modes=S nodes_nodeids=I nodes_treeids=I nodes_truenodeids=I nodes_values=F nodes_values_as_tensor=t post_transform=s target_ids=I target_nodeids=I target_treeids=I target_weights=F target_weights_as_tensor=t
ai.onnx.ml.TreeEnsembleRegressor 5 deprecated
ai.onnx.ml.ZipMap 1 1:1 1:1 classlabels_int64s=I classlabels_strings=S
ai.onnx.preview.FlexAttention 1 3:3 1:1 prob_mod=g scale=f score_mod=g softmax_precision=i
ai.onnx.preview.training.Adagrad 1 3:* 1:* decay_factor=f epsilon=f norm_coefficient=f
ai.onnx.preview.training.Adam 1 3:* 1:* alpha=f beta=f epsilon=f norm_coefficient=f norm_coefficient_post=f
ai.onnx.preview.training.Gradient 1 1:* 1:* xs!=S y!=s zs=S
ai.onnx.preview.training.Momentum 1 3:* 1:* alpha!=f beta!=f mode!=s norm_coefficient!=f
`;
