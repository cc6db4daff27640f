/** What telemetry remembers of a request: predicted classes, and a few numbers whose distribution shows drift. */
import type { Tensor } from '@verge/onnx';
import { classOutput } from '@verge/runtime';
import { scoreRows, topOne } from './classify.js';
import type { ModelDescription } from '../served-model.js';

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
  manifest: ModelDescription,
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
  const predicted = manifest.task === 'classification' ? predictions(manifest, outputs) : null;
  if (predicted?.confidences) features['output.confidence'] = predicted.confidences;
  return { classes: predicted?.classes ?? [], features };
}

/** The predicted classes, from scores or from labels, whichever the model gives; null where neither says them. */
function predictions(
  { outputs: specs, labels }: ModelDescription,
  outputs: Readonly<Record<string, Tensor>>,
): { classes: number[]; confidences?: number[] } | null {
  const chosen = classOutput(specs, labels.length || undefined) ?? { name: specs[0]!.name, kind: 'scores' };
  const tensor = outputs[chosen.name];
  if (!tensor) return null;
  if (chosen.kind === 'labels') {
    // Labels that are no class of the manifest are left out, as they cannot be counted under one.
    const names = Array.from(tensor.data as ArrayLike<string | number | bigint>, String);
    return { classes: labelPlaces(names, labels).filter((place) => place >= 0) };
  }
  const scores = scoreRows(tensor);
  if (!scores) return null;
  const best = Array.from({ length: scores.rows }, (_, row) => topOne(scores, row));
  return { classes: best.map(({ index }) => index), confidences: best.map(({ confidence }) => confidence) };
}

/** Labels as indices: by name, or as they are where they are indices and no names. */
function labelPlaces(names: readonly string[], labels: readonly string[]): number[] {
  return names.map((name) => {
    const place = labels.indexOf(name);
    return place < 0 && /^[0-9]+$/.test(name) && !labels.some((label) => /^[0-9]+$/.test(label)) ? Number(name) : place;
  });
}
