/** Classifying the real test images through the agents' local API (Open Inference Protocol v2). */
import { join } from 'node:path';
import { loadDigits, sampleSize, selectPart, type Samples } from '@verge/data';
import { StepFailed, type Agent, type Context } from './context.js';

export interface Served {
  served: number;
  correct: number;
  model: string;
  /** Manifest digest of the artifact that answered. */
  digest: string;
}

interface InferResponse {
  model_name: string;
  model_version: string;
  parameters?: { manifest_digest?: string };
  outputs: { name: string; datatype: string; shape: number[]; data: (number | string)[] }[];
}

/** The test part of the digits as raw scans: 8x8 counts of 0 to 16, as a sensor would give them. */
export async function testImages(root: string): Promise<{ images: number[][]; labels: Int32Array }> {
  const test: Samples = selectPart(await loadDigits(join(root, 'datasets/digits')), 'test', 'digits-v1');
  const size = sampleSize(test);
  const images = Array.from({ length: test.y.length }, (_, i) =>
    Array.from(test.x.subarray(i * size, (i + 1) * size), (v) => Math.round(v * 16)),
  );
  return { images, labels: test.y };
}

/** What an agent serves: its repository index names the model, the model's metadata the manifest. */
export async function servedModel(agent: Agent): Promise<{ name: string; version: string; digest: string }> {
  const index = await fetch(`${agent.url}/v2/repository/index`, { method: 'POST' });
  const [model] = index.ok ? ((await index.json()) as { name: string; version: string }[]) : [];
  if (!model) throw new StepFailed(`${agent.name} serves no model (HTTP ${index.status})`);
  const response = await fetch(`${agent.url}/v2/models/${encodeURIComponent(model.name)}`);
  const metadata = (await response.json()) as { parameters?: { manifest_digest?: string } };
  return { ...model, digest: metadata.parameters?.manifest_digest ?? '' };
}

/** Sends raw images one by one; the agent runs the preprocessing that travels with the model. */
export async function classify(
  context: Context,
  agent: Agent,
  images: readonly number[][],
  labels: ArrayLike<number>,
): Promise<Served> {
  const result: Served = { served: 0, correct: 0, model: '', digest: '' };
  const { name } = await servedModel(agent);
  for (const [i, image] of images.entries()) {
    const response = await fetch(`${agent.url}/v2/models/${encodeURIComponent(name)}/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        parameters: { preprocess: true },
        inputs: [{ name: 'input', datatype: 'FP32', shape: [1, 8, 8], data: image }],
      }),
    });
    if (!response.ok) throw new StepFailed(`${agent.name} answered HTTP ${response.status}: ${await response.text()}`);
    const body = (await response.json()) as InferResponse;
    const scores = (body.outputs[0]?.data ?? []) as number[];
    const predicted = scores.indexOf(Math.max(...scores));
    context.sent++;
    result.served++;
    if (predicted === labels[i]) result.correct++;
    result.model = `${body.model_name}@${body.model_version}`;
    result.digest = body.parameters?.manifest_digest ?? '';
  }
  return result;
}
