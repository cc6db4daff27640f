/**
 * Test support: onnx.proto of ONNX 1.22 as a table, apart from the codec under test. Each message lists
 * `number type name`, a `*` after the type for repeated fields, `packed` for packed ones, `|` for members of a oneof.
 */
const TEXT: Record<string, string> = {
  Model: `1 int ir_version, 2 string producer_name, 3 string producer_version, 4 string domain, 5 int model_version,
    6 string doc_string, 7 Graph graph, 8 Opset* opset_import, 14 Entry* metadata_props, 20 Training* training_info,
    25 Function* functions, 26 Devices* configuration`,
  Training: `1 Graph initialization, 2 Graph algorithm, 3 Entry* initialization_binding, 4 Entry* update_binding`,
  Graph: `1 Node* node, 2 string name, 5 Tensor* initializer, 10 string doc_string, 11 Value* input, 12 Value* output,
    13 Value* value_info, 14 Annotation* quantization_annotation, 15 Sparse* sparse_initializer,
    16 Entry* metadata_props`,
  Annotation: `1 string tensor_name, 2 Entry* quant_parameter_tensor_names`,
  Entry: `1 string key, 2 string value`,
  Opset: `1 string domain, 2 int version`,
  Node: `1 string* input, 2 string* output, 3 string name, 4 string op_type, 5 Attribute* attribute, 6 string doc_string,
    7 string domain, 8 string overload, 9 Entry* metadata_props, 10 NodeDevices* device_configurations`,
  Attribute: `1 string name, 2 float f, 3 int i, 4 bytes s, 5 Tensor t, 6 Graph g, 7 float* floats, 8 int* ints,
    9 bytes* strings, 10 Tensor* tensors, 11 Graph* graphs, 13 string doc_string, 14 Type tp, 15 Type* type_protos,
    20 int type, 21 string ref_attr_name, 22 Sparse sparse_tensor, 23 Sparse* sparse_tensors`,
  Value: `1 string name, 2 Type type, 3 string doc_string, 4 Entry* metadata_props`,
  Type: `1 TensorType |tensor_type, 4 Element |sequence_type, 5 MapType |map_type, 6 string denotation,
    7 Opaque |opaque_type, 8 TensorType |sparse_tensor_type, 9 Element |optional_type`,
  TensorType: `1 int elem_type, 2 Shape shape`,
  Element: `1 Type elem_type`,
  MapType: `1 int key_type, 2 Type value_type`,
  Opaque: `1 string domain, 2 string name`,
  Shape: `1 Dimension* dim`,
  Dimension: `1 int |dim_value, 2 string |dim_param, 3 string denotation`,
  Tensor: `1 int* dims, 2 int data_type, 3 Segment segment, 4 float* packed float_data, 5 int* packed int32_data,
    6 bytes* string_data, 7 int* packed int64_data, 8 string name, 9 bytes raw_data, 10 double* packed double_data,
    11 int* packed uint64_data, 12 string doc_string, 13 Entry* external_data, 14 int data_location,
    16 Entry* metadata_props`,
  Segment: `1 int begin, 2 int end`,
  Sparse: `1 Tensor values, 2 Tensor indices, 3 int* dims`,
  Function: `1 string name, 4 string* input, 5 string* output, 6 string* attribute, 7 Node* node, 8 string doc_string,
    9 Opset* opset_import, 10 string domain, 11 Attribute* attribute_proto, 12 Value* value_info, 13 string overload,
    14 Entry* metadata_props`,
  Devices: `1 string name, 2 int num_devices, 3 string* device`,
  NodeDevices: `1 string configuration_id, 2 Sharding* sharding_spec, 3 int pipeline_stage`,
  Sharding: `1 string tensor_name, 2 int* device, 3 Group* index_to_device_group_map, 4 ShardedDim* sharded_dim`,
  Group: `1 int key, 2 int* value`,
  ShardedDim: `1 int axis, 2 SimpleDim* simple_sharding`,
  SimpleDim: `1 int |dim_value, 2 string |dim_param, 3 int num_shards`,
};

export interface Field {
  number: number;
  /** 'int', 'float', 'double', 'string', 'bytes' or the name of a message. */
  type: string;
  name: string;
  repeated: boolean;
  packed: boolean;
  oneof: boolean;
}

function parse(text: string): Field[] {
  return text.split(',').map((part): Field => {
    const words = part.trim().split(/\s+/);
    const last = words.at(-1)!;
    return {
      number: Number(words[0]),
      type: words[1]!.replace('*', ''),
      name: last.replace('|', ''),
      repeated: words[1]!.endsWith('*'),
      packed: words.includes('packed'),
      oneof: last.startsWith('|'),
    };
  });
}

export const SCHEMA: ReadonlyMap<string, readonly Field[]> = new Map(
  Object.entries(TEXT).map(([message, text]) => [message, parse(text)]),
);

export function isMessage(type: string): boolean {
  return SCHEMA.has(type);
}
