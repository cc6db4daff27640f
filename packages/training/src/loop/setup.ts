/** The sample sets of a run, checked against its model and loss. */
import { augmentBatch } from '@verge/data/augment';
import { elementCount } from '@verge/onnx';
import { refuse, TrainingError } from '../errors.js';
import type { FitOptions } from '../fit-options.js';
import { lossReads, targetOf, type LossSpec } from '../losses.js';
import { lossInputs } from '../losses/spec.js';
import { checkTrainingSamples } from '../samples.js';
import type { InputPort, StepPorts } from '../step-parts.js';
import type { SampleShape } from '../transfer/ports.js';
import { inputTypeOf } from './prepare.js';
import { checkSampleSet, isSource, sampleShape, sourceOf, type SampleSet, type SampleSource } from './source.js';
import { classLayout, extentOf, taskOf } from './task.js';

/** Cross-entropy unless told otherwise; with mixup it compares with shares of the classes. */
export function lossOf({ loss, labelSmoothing, augmentation }: FitOptions): LossSpec {
  const spec = loss ?? { kind: 'cross-entropy', labelSmoothing };
  return augmentation?.mixup !== undefined && spec.kind === 'cross-entropy' ? { ...spec, soft: true } : spec;
}

/** What augmentation the samples and the loss allow. */
export function augmentationProblems(o: FitOptions): string[] {
  const { augmentation, augment } = o;
  const problems: string[] = [];
  if (!augmentation && !augment) return problems;
  const dtype = inputTypeOf(o.model);
  if (dtype !== 'float32') problems.push(`augmentation: it changes float32 samples, the network reads ${dtype}`);
  if (augmentation?.mixup === undefined) return problems;
  const loss = lossOf(o);
  // Only x and what the loss compares it with are mixed; the rest would still be that of one sample.
  const whole = [
    ...Object.keys(o.train.inputs ?? {}).map((name) => `the input '${name}'`),
    ...lossInputs(loss)
      .flatMap((name) => targetOf(name) ?? [])
      .map((name) => `the targets '${name}'`),
  ];
  if (whole.length > 0) problems.push(`augmentation.mixup: it does not mix ${whole.join(', ')}`);
  const plain = loss.kind === 'cross-entropy' && loss.classWeights === undefined && loss.ignoreIndex === undefined;
  if (!plain && lossReads(loss).includes('labels')) {
    problems.push(`augmentation.mixup: the loss '${loss.kind}' compares with whole labels, not with shares of several`);
  }
  return problems;
}

/** Classes that labels of one sample each must lie in; undefined where labels mean something else. */
export function labelledClasses(loss: LossSpec, outputShape: readonly number[]): number | undefined {
  if (taskOf(loss) !== 'classes') return undefined;
  const layout = classLayout(loss, outputShape.slice(1));
  const { classes, positions } = extentOf(layout);
  return positions === 1 && layout.ignore === undefined ? classes : undefined;
}

export interface SampleSets {
  readonly source: SampleSource;
  readonly validation: SampleSource;
  /** @throws TrainingError `bad-samples` when they do not fit the model or lack what the loss reads */
  check(ports: Pick<StepPorts, 'input' | 'others' | 'outputShape'>, loss: LossSpec): void;
}

/** What in-memory samples of a loss that reads values must bring besides the inputs. */
function checkTargets(samples: SampleSet, what: string, ports: Pick<StepPorts, 'input' | 'outputShape'>): void {
  if (isSource(samples)) return;
  const { targets } = samples;
  const [input, output] = [ports.input.shape, ports.outputShape].map((shape) => elementCount(shape.slice(1)));
  if (!targets && input !== output) {
    throw new TrainingError(
      'bad-samples',
      `the ${what} samples have no targets, and the output is not of the input's size`,
    );
  }
  if (targets instanceof Float32Array && targets.length !== samples.y.length * output!) {
    throw new TrainingError(
      'bad-samples',
      `the ${what} targets hold ${targets.length} elements, ${samples.y.length} samples need ${output} each`,
    );
  }
}

/** Inputs of the model whose samples have another shape, or are not there. */
function shapeProblems(
  what: string,
  { shape, inputs }: SampleShape,
  ports: Pick<StepPorts, 'input' | 'others'>,
): string[] {
  const wanted = (port: InputPort): string => port.shape.slice(1).join(', ');
  const problems: string[] = [];
  if (shape.join(', ') !== wanted(ports.input))
    problems.push(`the ${what} samples are [${shape.join(', ')}], the model reads [${wanted(ports.input)}]`);
  for (const port of ports.others) {
    const own = inputs?.[port.name];
    if (!own) problems.push(`the ${what} samples bring nothing for the input '${port.name}'`);
    else if (own.join(', ') !== wanted(port))
      problems.push(`'${port.name}' of the ${what} samples is [${own.join(', ')}], the model reads [${wanted(port)}]`);
  }
  return problems;
}

/** @throws TrainingError `bad-samples`, and DataError `shape-mismatch` where the augmentation does not fit them */
export function checkedSets(options: FitOptions): SampleSets {
  const { targets } = options;
  const withTargets = (samples: SampleSet, given: Float32Array | undefined): SampleSet =>
    isSource(samples) || !given ? samples : { ...samples, targets: given };
  const train = withTargets(options.train, targets?.train);
  const validation = withTargets(options.validation, targets?.validation);
  checkSampleSet(train, 'training samples');
  checkSampleSet(validation, 'validation samples');
  // No sample, but the shape: what only images have is refused here.
  if (options.augmentation) augmentBatch(new Float32Array(0), train.shape, options.augmentation, 0);
  return {
    source: sourceOf(train),
    validation: sourceOf(validation),
    check: (ports, loss) => {
      const classes = labelledClasses(loss, ports.outputShape);
      for (const [what, samples] of Object.entries({ training: train, validation })) {
        refuse('bad-samples', 'fit', shapeProblems(what, sampleShape(samples), ports));
        if (classes !== undefined && !isSource(samples)) checkTrainingSamples(samples, `${what} samples`, classes);
        if (lossReads(loss).includes('target') && taskOf(loss) !== 'classes') checkTargets(samples, what, ports);
      }
    },
  };
}
