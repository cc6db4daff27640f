/** Continues `table.ts` with the other domains of ONNX: ai.onnx.ml and those in preview. */
import { flexAttention } from './attention.js';
import * as c from './classical.js';
import type { Row } from './facts.js';
import * as o from './optimisers.js';

type Classical =
  | 'ArrayFeatureExtractor'
  | 'Binarizer'
  | 'CastMap'
  | 'CategoryMapper'
  | 'DictVectorizer'
  | 'FeatureVectorizer'
  | 'Imputer'
  | 'LabelEncoder'
  | 'LinearClassifier'
  | 'LinearRegressor'
  | 'Normalizer'
  | 'OneHotEncoder'
  | 'SVMClassifier'
  | 'SVMRegressor'
  | 'Scaler'
  | 'TreeEnsemble'
  | 'TreeEnsembleClassifier'
  | 'TreeEnsembleRegressor'
  | 'ZipMap';
type Training = 'Adagrad' | 'Adam' | 'Gradient' | 'Momentum';

export type MlOperator =
  `ai.onnx.ml.${Classical}` | `ai.onnx.preview.training.${Training}` | 'ai.onnx.preview.FlexAttention';

export const ROWS_ML: Readonly<Record<MlOperator, Row>> = {
  'ai.onnx.ml.ArrayFeatureExtractor': c.arrayFeatureExtractor,
  'ai.onnx.ml.Binarizer': c.same,
  'ai.onnx.ml.CastMap': c.castMap,
  'ai.onnx.ml.CategoryMapper': c.categoryMapper,
  'ai.onnx.ml.DictVectorizer': c.dictVectorizer,
  'ai.onnx.ml.FeatureVectorizer': c.featureVectorizer,
  'ai.onnx.ml.Imputer': c.same,
  'ai.onnx.ml.LabelEncoder': c.labelEncoder,
  'ai.onnx.ml.LinearClassifier': c.linearClassifier,
  'ai.onnx.ml.LinearRegressor': c.linearRegressor,
  'ai.onnx.ml.Normalizer': c.toFloats,
  'ai.onnx.ml.OneHotEncoder': c.oneHotEncoder,
  'ai.onnx.ml.SVMClassifier': c.svmClassifier,
  'ai.onnx.ml.SVMRegressor': c.svmRegressor,
  'ai.onnx.ml.Scaler': c.toFloats,
  'ai.onnx.ml.TreeEnsemble': c.treeEnsemble,
  'ai.onnx.ml.TreeEnsembleClassifier': c.treeClassifier,
  'ai.onnx.ml.TreeEnsembleRegressor': c.treeRegressor,
  'ai.onnx.ml.ZipMap': c.zipMap,
  'ai.onnx.preview.FlexAttention': flexAttention,
  'ai.onnx.preview.training.Adagrad': o.adagrad,
  'ai.onnx.preview.training.Adam': o.adam,
  'ai.onnx.preview.training.Gradient': o.gradient,
  'ai.onnx.preview.training.Momentum': o.momentum,
};
