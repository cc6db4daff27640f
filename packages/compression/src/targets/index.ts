/** The targets that are known, and what a model breaks of one's rules. */
import type { Model } from '@verge/onnx';
import { CompressionError } from '../errors.js';
import { coreml } from './data/coreml.js';
import { edgeTpu } from './data/edge-tpu.js';
import { jetsonTensorRt } from './data/jetson-tensorrt.js';
import { openvino } from './data/openvino.js';
import { qnnHtp } from './data/qnn-htp.js';
import { raspberryPi4 } from './data/raspberry-pi-4.js';
import { raspberryPi5 } from './data/raspberry-pi-5.js';
import { vitisAiDpu } from './data/vitis-ai-dpu.js';
import { webgpu } from './data/webgpu.js';
import { x64Avx2 } from './data/x64-avx2.js';
import { x64Vnni } from './data/x64-vnni.js';
import { ModelFacts } from './facts.js';
import type { Finding, Target } from './target.js';

export type { Consequence, Finding, Rule, Target } from './target.js';

export const targets: readonly Target[] = [
  x64Vnni,
  x64Avx2,
  raspberryPi4,
  raspberryPi5,
  webgpu,
  jetsonTensorRt,
  openvino,
  qnnHtp,
  vitisAiDpu,
  edgeTpu,
  coreml,
];

/** @throws CompressionError `bad-recipe` with the names there are */
export function targetNamed(name: string): Target {
  const found = targets.find((target) => target.name === name);
  if (found) return found;
  const problems = [`target: '${name}' is not known; expected one of ${targets.map((t) => t.name).join(', ')}`];
  throw new CompressionError('bad-recipe', problems.join('; '), { problems });
}

/**
 * What a model breaks of a target's rules, by rule, in the order of its nodes. Nothing runs.
 *
 * @param model normalised
 */
export function checkTarget(model: Model, target: Target): Finding[] {
  const facts = new ModelFacts(model);
  return target.rules.flatMap((rule) =>
    rule.check(facts).map((place) => ({ rule: rule.name, consequence: rule.consequence, ...place })),
  );
}
