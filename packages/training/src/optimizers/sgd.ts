/** Stochastic gradient descent (ai.onnx.preview.training Momentum-1, whose beta is 1 - dampening, from the second step on). */
import { LEARNING_RATE, penalized, scalarInput, type OptimizerRow } from './row.js';

/** 1 in the first step, which starts the velocity with the whole gradient; then 1 - dampening. */
const DAMPING = 'step.damping';

export const sgd: OptimizerRow<'sgd'> = {
  slots: (spec) => ((spec.momentum ?? 0.9) === 0 ? [] : ['velocity']),
  scalars: (spec, learningRate, t) => ({
    [LEARNING_RATE]: learningRate,
    ...(spec.dampening ? { [DAMPING]: t === 1 ? 1 : 1 - spec.dampening } : {}),
  }),
  write(u, spec) {
    const { t } = u;
    const rate = scalarInput(t, LEARNING_RATE);
    const momentum = spec.momentum ?? 0.9;
    const gradient = penalized(u);
    if (momentum === 0) return { parameters: u.descend(gradient, rate), slots: [] };
    const added = spec.dampening ? t.mul(gradient, scalarInput(t, DAMPING)) : gradient;
    const velocity = t.add(t.scale(u.slots[0]!, momentum), added);
    const direction = spec.nesterov ? t.add(gradient, t.scale(velocity, momentum)) : velocity;
    return { parameters: u.descend(direction, rate), slots: [velocity] };
  },
};
