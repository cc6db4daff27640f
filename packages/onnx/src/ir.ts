/**
 * The in-memory graph. It mirrors ONNX IR (onnx.proto of ONNX 1.22) name for name: values are strings, nodes list the
 * names that they read and write, '' is an absent optional input or output. Passes return new graphs or edit a clone;
 * `check.ts` says whether a model is legal.
 *
 * `unknown` keeps protobuf fields that this version does not know, as raw bytes, so that re-encoding loses nothing.
 */
import type { DataType, Tensor } from './tensor.js';

/** A dimension: a known size, a symbolic name, or unknown. */
export type Dim = number | string | null;

export type ValueType =
  | { readonly kind: 'tensor'; readonly dtype: DataType | null; readonly shape: readonly Dim[] | null }
  | { readonly kind: 'sparse'; readonly dtype: DataType | null; readonly shape: readonly Dim[] | null }
  | { readonly kind: 'sequence'; readonly element: ValueType }
  | { readonly kind: 'optional'; readonly element: ValueType }
  | { readonly kind: 'map'; readonly key: DataType; readonly value: ValueType }
  | { readonly kind: 'opaque'; readonly domain: string; readonly name: string };

export interface ValueInfo {
  name: string;
  type: ValueType | null;
  doc?: string;
  metadata?: Map<string, string>;
  unknown?: Uint8Array;
}

/** Where the bytes of a tensor stay when they are not in the model file (onnx.proto, TensorProto.external_data). */
export interface ExternalLocation {
  location: string;
  offset: number;
  length: number | null;
  checksum?: string;
}

/** A stored tensor: name and documentation around its value, which may live in an external file. */
export interface StoredTensor {
  name: string;
  value: Tensor | { dtype: DataType; dims: readonly number[]; external: ExternalLocation };
  doc?: string;
  metadata?: Map<string, string>;
  unknown?: Uint8Array;
}

export interface SparseTensor {
  values: StoredTensor;
  indices: StoredTensor;
  dims: readonly number[];
}

export type Attribute =
  | { kind: 'float'; value: number }
  | { kind: 'int'; value: bigint }
  | { kind: 'string'; value: string | Uint8Array }
  | { kind: 'tensor'; value: StoredTensor }
  | { kind: 'graph'; value: Graph }
  | { kind: 'sparse'; value: SparseTensor }
  | { kind: 'type'; value: ValueType }
  | { kind: 'floats'; value: readonly number[] }
  | { kind: 'ints'; value: readonly bigint[] }
  | { kind: 'strings'; value: readonly (string | Uint8Array)[] }
  | { kind: 'tensors'; value: readonly StoredTensor[] }
  | { kind: 'graphs'; value: readonly Graph[] }
  | { kind: 'sparses'; value: readonly SparseTensor[] }
  | { kind: 'types'; value: readonly ValueType[] }
  /** Inside a function body: takes the value of the function's attribute of this name. */
  | { kind: 'reference'; name: string; type: number };

export interface Node {
  op: string;
  /** '' is the default ONNX domain ('ai.onnx'). */
  domain: string;
  name: string;
  inputs: string[];
  outputs: string[];
  attributes: Map<string, Attribute>;
  overload?: string;
  doc?: string;
  metadata?: Map<string, string>;
  unknown?: Uint8Array;
}

export interface Graph {
  name: string;
  inputs: ValueInfo[];
  outputs: ValueInfo[];
  nodes: Node[];
  /** Constants by name, in file order. */
  initializers: Map<string, StoredTensor>;
  sparseInitializers: SparseTensor[];
  /** Types of intermediate values, as stored or inferred. */
  values: Map<string, ValueInfo>;
  doc?: string;
  metadata?: Map<string, string>;
  unknown?: Uint8Array;
}

export interface FunctionBody {
  domain: string;
  name: string;
  overload?: string;
  inputs: string[];
  outputs: string[];
  attributes: string[];
  nodes: Node[];
  opsets: Map<string, number>;
  unknown?: Uint8Array;
}

export interface Model {
  irVersion: number;
  /** Domain to opset version; '' is the default domain. */
  opsets: Map<string, number>;
  graph: Graph;
  functions: FunctionBody[];
  producerName?: string;
  producerVersion?: string;
  domain?: string;
  modelVersion?: number;
  doc?: string;
  metadata: Map<string, string>;
  unknown?: Uint8Array;
}
