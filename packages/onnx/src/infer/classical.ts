/** Rows of the ai.onnx.ml domain: encoders, linear models, support vectors and trees. N rows of C features. */
import { attrInt, attrInts, attrString } from '../attributes.js';
import type { Dim, ValueType } from '../ir.js';
import type { DataType } from '../tensor.js';
import { productDim } from './dims.js';
import type { NodeFacts, Row } from './facts.js';
import { sequenceType, tensorType } from './types.js';

/** The number of rows of [N, C]; [C] is one row. */
function rows(f: NodeFacts): Dim {
  const x = f.shape(0);
  if (!x) return null;
  return x.length === 1 ? 1 : (x[0] ?? null);
}

/** The number of entries of a list attribute, 0 without it. */
function entries(f: NodeFacts, name: string): number {
  const attribute = f.node.attributes.get(name);
  return attribute && 'value' in attribute && Array.isArray(attribute.value) ? attribute.value.length : 0;
}

/** Binarizer, Imputer keep the element type. */
export const same: Row = (f) => [tensorType(f.dtype(0), f.shape(0))];

/** Normalizer, Scaler: floats. */
export const toFloats: Row = (f) => [tensorType('float32', f.shape(0))];

/** ArrayFeatureExtractor: the last axis has as many elements as the indices, whatever shape these are in. */
export const arrayFeatureExtractor: Row = (f) => {
  const [x, picked] = [f.shape(0), f.shape(1)];
  if (!x) return [tensorType(f.dtype(0), null)];
  const count = picked && productDim(picked);
  return [tensorType(f.dtype(0), [...(x.length === 1 ? [1] : x.slice(0, -1)), count])];
};

const CASTS: Readonly<Record<string, DataType>> = { TO_FLOAT: 'float32', TO_INT64: 'int64', TO_STRING: 'string' };

/** CastMap: the values of a map as one row; as long as max_map when it is laid out by key. */
export const castMap: Row = (f) => {
  const to = attrString(f.node, 'cast_to', 'TO_FLOAT');
  const dtype = Object.hasOwn(CASTS, to) ? CASTS[to]! : f.fail(`cast_to ${to} is not known`);
  const width = attrString(f.node, 'map_form', 'DENSE') === 'SPARSE' ? attrInt(f.node, 'max_map', 1) : null;
  return [tensorType(dtype, [1, width])];
};

/** CategoryMapper: strings to numbers or numbers to strings. */
export const categoryMapper: Row = (f) => {
  const from = f.dtype(0);
  return [tensorType(from && (from === 'string' ? 'int64' : 'string'), f.shape(0))];
};

/** DictVectorizer: the values of a map; ONNX speaks of one axis, engines give two. */
export const dictVectorizer: Row = (f) => {
  const type = f.type(0);
  const value = type?.kind === 'map' && type.value.kind === 'tensor' ? type.value.dtype : null;
  return [tensorType(value, null)];
};

export const featureVectorizer: Row = (f) => {
  const widths = attrInts(f.node, 'inputdimensions', []);
  return [tensorType('float32', [rows(f), widths.length ? widths.reduce((sum, n) => sum + n, 0) : null])];
};

/** LabelEncoder: the type of the values; version 1 goes between strings and int64. */
export const labelEncoder: Row = (f) => {
  const { attributes } = f.node;
  const tensor = attributes.get('values_tensor');
  let dtype: DataType | null = null;
  if (tensor?.kind === 'tensor') dtype = tensor.value.value.dtype;
  else if (attributes.has('values_floats')) dtype = 'float32';
  else if (attributes.has('values_int64s')) dtype = 'int64';
  else if (attributes.has('values_strings')) dtype = 'string';
  else if (attributes.has('classes_strings') && f.dtype(0)) dtype = f.dtype(0) === 'string' ? 'int64' : 'string';
  return [tensorType(dtype, f.shape(0))];
};

/** The label of each row, and the scores of all classes or of as many as `count` says. */
function classifier(f: NodeFacts, ints: string, count: (classes: number) => Dim): ValueType[] {
  const strings = entries(f, 'classlabels_strings');
  const classes = Math.max(strings, entries(f, ints));
  const n = rows(f);
  return [tensorType(strings > 0 ? 'string' : 'int64', [n]), tensorType('float32', [n, count(classes)])];
}

export const linearClassifier: Row = (f) => classifier(f, 'classlabels_ints', (classes) => classes || null);

/** SVMClassifier: probabilities of each class, or else scores, whose number engines choose. */
export const svmClassifier: Row = (f) =>
  classifier(f, 'classlabels_ints', (classes) => (entries(f, 'prob_a') > 0 && classes) || null);

export const treeClassifier: Row = (f) => classifier(f, 'classlabels_int64s', (classes) => classes || null);

export const linearRegressor: Row = (f) => [tensorType('float32', [rows(f), attrInt(f.node, 'targets', 1)])];

export const svmRegressor: Row = (f) => [tensorType('float32', [rows(f), 1])];

export const treeRegressor: Row = (f) => [tensorType('float32', [rows(f), attrInt(f.node, 'n_targets', 1)])];

/** TreeEnsemble (since 5): the element type of the input. */
export const treeEnsemble: Row = (f) => [tensorType(f.dtype(0), [rows(f), attrInt(f.node, 'n_targets', 1)])];

export const oneHotEncoder: Row = (f) => {
  const [x, categories] = [f.shape(0), Math.max(entries(f, 'cats_int64s'), entries(f, 'cats_strings'))];
  return [tensorType('float32', x && [...x, categories])];
};

/** ZipMap: for each row a map of the classes. */
export const zipMap: Row = (f) => {
  const key: DataType = entries(f, 'classlabels_strings') > 0 ? 'string' : 'int64';
  return [sequenceType({ kind: 'map', key, value: tensorType('float32', []) })];
};
