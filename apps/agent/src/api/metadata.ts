/** What the API says of a model: Open Inference Protocol v2, "Model Metadata Response JSON Object". */
import type { ServedModel } from '../served-model.js';
import { oipName } from './tensors.js';

export interface ModelMetadata {
  name: string;
  versions: string[];
  platform: string;
  inputs: TensorMetadata[];
  outputs: TensorMetadata[];
  parameters: Record<string, string | boolean>;
}

interface TensorMetadata {
  name: string;
  datatype: string;
  shape: number[];
}

export function metadata({ manifest, digest, digestOf }: ServedModel): ModelMetadata {
  const tensor = (spec: { name: string; dtype: string; shape: number[] }): TensorMetadata => ({
    name: spec.name,
    datatype: oipName(spec.dtype),
    shape: spec.shape,
  });
  return {
    name: manifest.model,
    versions: [String(manifest.version)],
    platform: 'onnx_onnxv1',
    inputs: manifest.inputs.map(tensor),
    outputs: manifest.outputs.map(tensor),
    parameters: { [`${digestOf}_digest`]: digest, task: manifest.task, preprocess: manifest.preprocess !== null },
  };
}
