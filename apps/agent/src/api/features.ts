/** What telemetry remembers of a request: predicted classes, and a few numbers whose distribution shows drift. */
import type { ArtifactManifest } from '@verge/contracts';
import type { Tensor } from '@verge/onnx';
import { scoreRows, topOne } from './classify.js';

export interface Observed {
  classes: number[];
  features: Record<string, number[]>;
}

/** Mean and standard deviation of each sample of the model's first input, as the model saw it (preprocessed). */
function moments(tensor: Tensor, samples: number): { mean: number[]; std: number[] } {
  const data = tensor.data as ArrayLike<number>;
  const size = data.length / samples;
  const mean: number[] = [];
  const std: number[] = [];
  for (let s = 0; s < samples; s++) {
    let sum = 0;
    let squares = 0;
    for (let i = s * size; i < (s + 1) * size; i++) {
      const value = data[i]!;
      sum += value;
      squares += value * value;
    }
    mean.push(sum / size);
    std.push(Math.sqrt(Math.max(0, squares / size - (sum / size) ** 2)));
  }
  return { mean, std };
}

export function observe(
  manifest: ArtifactManifest,
  feeds: Readonly<Record<string, Tensor>>,
  outputs: Readonly<Record<string, Tensor>>,
): Observed {
  const features: Record<string, number[]> = {};
  const input = feeds[manifest.inputs[0]!.name];
  if (input && (input.dtype === 'float32' || input.dtype === 'uint8' || input.dtype === 'float64')) {
    // The first axis is the batch where the manifest leaves it free.
    const samples = manifest.inputs[0]!.shape[0] === -1 ? (input.dims[0] ?? 1) : 1;
    if (samples > 0 && input.data.length > 0) {
      const { mean, std } = moments(input, samples);
      features['input.mean'] = mean;
      features['input.std'] = std;
    }
  }
  const classes: number[] = [];
  const first = outputs[manifest.outputs[0]!.name];
  const scores = manifest.task === 'classification' && first ? scoreRows(first) : null;
  if (scores) {
    const confidences: number[] = [];
    for (let row = 0; row < scores.rows; row++) {
      const { index, confidence } = topOne(scores, row);
      classes.push(index);
      confidences.push(confidence);
    }
    features['output.confidence'] = confidences;
  }
  return { classes, features };
}
