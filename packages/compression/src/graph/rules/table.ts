/** From an operator of the default domain to the rule that follows channels through it. */
import type { Rule } from '../walk.js';
import { elementwise, passing } from './elementwise.js';
import { joinRules } from './joins.js';
import { layoutRules } from './layout.js';
import { linearRules } from './linear.js';
import { normalisationRules } from './normalisation.js';
import { quantisedRules } from './quantised.js';
import { recurrentRules } from './recurrent.js';
import { reduceRules } from './reduce.js';
import { spatialRules } from './spatial.js';

const ONE_OPERAND = [
  'Abs', 'Acos', 'Acosh', 'Asin', 'Asinh', 'Atan', 'Atanh', 'Cast', 'Ceil', 'Celu', 'Clip', 'Cos', 'Cosh', 'Dropout', 'Elu', 'Erf', 'Exp',
  'Floor', 'Gelu', 'HardSigmoid', 'HardSwish', 'Identity', 'IsInf', 'IsNaN', 'LeakyRelu', 'Log', 'Mish', 'Neg', 'Not', 'Reciprocal', 'Relu',
  'Round', 'Selu', 'Shrink', 'Sigmoid', 'Sign', 'Sin', 'Sinh', 'Softplus', 'Softsign', 'Sqrt', 'Swish', 'Tan', 'Tanh', 'ThresholdedRelu',
]; // prettier-ignore

const SEVERAL_OPERANDS = [
  'Add', 'And', 'BitShift', 'Div', 'Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'Max', 'Mean', 'Min', 'Mod', 'Mul', 'Or',
  'Pow', 'PRelu', 'Sub', 'Sum', 'Where', 'Xor',
]; // prettier-ignore

export const rules: ReadonlyMap<string, Rule> = new Map([
  ...ONE_OPERAND.map((op): [string, Rule] => [op, passing]),
  ...SEVERAL_OPERANDS.map((op): [string, Rule] => [op, elementwise]),
  ...[linearRules, normalisationRules, joinRules, layoutRules, spatialRules, reduceRules, recurrentRules, quantisedRules].flatMap(Object.entries<Rule>), // prettier-ignore
]);
