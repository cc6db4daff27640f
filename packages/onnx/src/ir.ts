/**
 * The in-memory graph. It mirrors ONNX IR (onnx.proto of ONNX 1.22) name for name: values are strings, nodes list the
 * names that they read and write, '' is an absent optional input or output. Passes return new graphs or edit a clone;
 * `check.ts` says whether a model is legal.
 *
 * `unknown` keeps protobuf fields that this version does not know, as raw bytes, so that re-encoding loses nothing.
 * `stated` does the same for presence: bit n is set when the file spelled out singular field n. It is kept only where
 * that differs from what the writer would do by itself (say, a domain written as '' instead of left out).
 */
import type { DataType, Tensor } from './tensor.js';

/** A dimension: a known size, a symbolic name, or unknown. */
export type Dim = number | string | null;

/** What any type may carry beside its kind. */
export interface TypeNotes {
  /** TypeProto.denotation, say 'IMAGE'. */
  readonly denotation?: string;
  /** `unknown` belongs to the TypeProto around the tensor type. */
  readonly outer?: boolean;
  /** Denotations of the dimensions of a tensor, say 'DATA_BATCH'; sparse array by position. */
  readonly dimDenotations?: readonly (string | undefined)[];
  readonly unknown?: Uint8Array;
  readonly stated?: number;
}

export type ValueType = TypeNotes & ValueKind;

export type ValueKind =
  | { readonly kind: 'tensor'; readonly dtype: DataType | null; readonly shape: readonly Dim[] | null }
  | { readonly kind: 'sparse'; readonly dtype: DataType | null; readonly shape: readonly Dim[] | null }
  | { readonly kind: 'sequence'; readonly element: ValueType }
  | { readonly kind: 'optional'; readonly element: ValueType }
  | { readonly kind: 'map'; readonly key: DataType; readonly value: ValueType }
  | { readonly kind: 'opaque'; readonly domain: string; readonly name: string }
  /** A TypeProto that says nothing about the type. */
  | { readonly kind: 'unspecified' };

export interface ValueInfo {
  name: string;
  type: ValueType | null;
  doc?: string;
  metadata?: Map<string, string>;
  unknown?: Uint8Array;
  stated?: number;
}

/** Where the bytes of a tensor stay when they are not in the model file (onnx.proto, TensorProto.external_data). */
export interface ExternalLocation {
  location: string;
  offset: number;
  length: number | null;
  checksum?: string;
  /** All entries as stored, when there are others or in another order. */
  entries?: ReadonlyMap<string, string>;
}

/** A stored tensor: name and documentation around its value, which may live in an external file. */
export interface StoredTensor {
  name: string;
  value: Tensor | { dtype: DataType; dims: readonly number[]; external: ExternalLocation };
  doc?: string;
  metadata?: Map<string, string>;
  /** Whether the elements are stored as raw_data (the rule; strings cannot) or in the field of their type. */
  encoding?: 'raw' | 'typed';
  /** The value is only the elements begin..end of the flattened tensor (TensorProto.Segment). */
  segment?: { begin: number; end: number };
  /** Dimensions stored as one packed field, as proto3 writers do. */
  packed?: boolean;
  unknown?: Uint8Array;
  stated?: number;
}

export interface SparseTensor {
  values: StoredTensor;
  indices: StoredTensor;
  dims: readonly number[];
  packed?: boolean;
  unknown?: Uint8Array;
}

/** What any attribute may carry beside its value. */
export interface AttributeNotes {
  doc?: string;
  /** Repeated numbers stored as one packed field, as proto3 writers do. */
  packed?: boolean;
  unknown?: Uint8Array;
  stated?: number;
}

export type Attribute = AttributeNotes & AttributeValue;

export type AttributeValue =
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

export interface SimpleShardedDim {
  /** A size, a symbolic name, or neither. */
  dim: Dim;
  shards?: number;
}

/** How one tensor is spread over devices (ShardingSpecProto). */
export interface ShardingSpec {
  tensor?: string;
  devices: readonly number[];
  deviceGroups: readonly { key?: number; devices: readonly number[] }[];
  dims: readonly { axis?: number; sharding: readonly SimpleShardedDim[] }[];
}

export interface NodeDeviceConfiguration {
  configuration?: string;
  sharding: readonly ShardingSpec[];
  pipelineStage?: number;
}

export interface DeviceConfiguration {
  name?: string;
  count?: number;
  devices: readonly string[];
}

/** Names of the quantisation parameters of a value (TensorAnnotation). */
export interface QuantizationAnnotation {
  tensor?: string;
  /** Say 'SCALE_TENSOR' to the name of the scale. */
  parameters: Map<string, string>;
}

export interface TrainingInfo {
  initialization?: Graph;
  algorithm?: Graph;
  initializationBinding: Map<string, string>;
  updateBinding: Map<string, string>;
}

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
  deviceConfigurations?: NodeDeviceConfiguration[];
  unknown?: Uint8Array;
  stated?: number;
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
  quantization?: QuantizationAnnotation[];
  doc?: string;
  metadata?: Map<string, string>;
  unknown?: Uint8Array;
  stated?: number;
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
  /** Attributes with default values (attribute_proto). */
  attributeDefaults?: Map<string, Attribute>;
  values?: Map<string, ValueInfo>;
  doc?: string;
  metadata?: Map<string, string>;
  /** `stated` of the opset entries, by domain. */
  opsetForms?: Map<string, number>;
  /** Domains that are imported once more, each with the version that `opsets` has for it. */
  repeatedOpsets?: string[];
  unknown?: Uint8Array;
  stated?: number;
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
  training?: TrainingInfo[];
  deviceConfigurations?: DeviceConfiguration[];
  /** `stated` of the opset entries, by domain. */
  opsetForms?: Map<string, number>;
  /** Domains that are imported once more, each with the version that `opsets` has for it. */
  repeatedOpsets?: string[];
  unknown?: Uint8Array;
  stated?: number;
}
