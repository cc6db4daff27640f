/** Distillation: a smaller network learns from the labels and from what the model makes of the samples. */
import type { RecipePass } from '@verge/contracts';
import { figuresOf, type Model } from '@verge/onnx';
import { checkCancelled } from '../../errors.js';
import { fineTune } from '../fine-tune.js';
import type { PassContext, PassResult } from '../pass.js';
import { type Student, studentOf } from './student.js';

type Config = Extract<RecipePass, { pass: 'distil' }>;
export type DistilOptions = Pick<Config, 'student' | 'fineTune'>;

/** Where the recipe says nothing of it: Hinton et al. 2015 (arXiv:1503.02531). */
const usual = { temperature: 4, alpha: 0.3 };

function told(student: Student): string {
  if (student.from === 'narrower') return `a copy with ${student.width} of the channels of each layer`;
  return student.from === 'onnx' ? `'${student.onnx}'` : `the architecture '${student.architecture}'`;
}

/**
 * The student takes the place of the model, whose inputs and outputs it has. The teacher is the model that the recipe was given, where
 * there is one, else this one.
 * @param block the target's, for a narrower copy
 * @throws CompressionError as `studentOf`, `cancelled`; TrainingError when the student cannot be trained
 */
export async function distil(
  model: Model,
  options: DistilOptions,
  block: number,
  context: PassContext,
): Promise<PassResult> {
  checkCancelled(context.signal);
  const { student, fineTune: training } = options;
  const made = await studentOf(model, student, { block, seed: training.seed }, context);
  const taught = { ...training, distillation: training.distillation ?? usual };
  const trained = await fineTune(made.model, model, taught, context);
  const [before, after] = [figuresOf(model), figuresOf(trained)];
  const parameters = { parametersBefore: before.parameters, parametersAfter: after.parameters };
  return {
    model: trained,
    changes: { ...made.changes, ...parameters },
    declined: made.declined,
    notes: [`the student is ${told(student)}`, ...made.notes],
  };
}
