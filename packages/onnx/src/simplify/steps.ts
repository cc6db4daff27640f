/** What simplification does in each round, in order. */
import type { Model, ValueType } from '../ir.js';
import { eliminateCommonSubexpressions, mergeDuplicateConstants } from '../rewrite/common-subexpressions.js';
import { eliminateDeadCode } from '../rewrite/edit.js';
import { foldConstants, type FoldOptions } from '../rewrite/fold.js';
import { nameOutputs } from '../rewrite/name-outputs.js';
import { gatherRows } from '../rewrite/rows.js';
import { rewrite, type Declined, type Rule } from '../rewrite/rewrite.js';
import type { SessionFactory } from '../session.js';
import { isTrainable, sparingParameters } from './trainable.js';

export interface StepResult {
  readonly model: Model;
  /** How often it applied; 0 leaves the model as it was. */
  readonly fired: number;
  readonly declined?: readonly Declined[];
}

export interface Step {
  readonly name: string;
  /**
   * @param reserved names of the graphs around this one
   * @param types what is proven of the values
   */
  apply(
    model: Model,
    reserved: ReadonlySet<string>,
    types: ReadonlyMap<string, ValueType>,
  ): StepResult | Promise<StepResult>;
}

function ruleStep(rule: Rule): Step {
  return {
    name: rule.name,
    apply(model, reserved, types) {
      const result = rewrite(model, [rule], { reserved, types });
      return { model: result.model, fired: result.fired.length, declined: result.declined };
    },
  };
}

/** A pass that counts what it removed. */
function passStep(name: string, pass: (model: Model) => { model: Model; removed: number }): Step {
  return {
    name,
    apply(model) {
      const { model: result, removed } = pass(model);
      return { model: result, fired: removed };
    },
  };
}

const rowsStep: Step = {
  name: 'gather-rows',
  apply(model, reserved, types) {
    const { model: result, saved } = gatherRows(model, types, reserved);
    return { model: result, fired: saved };
  },
};

export interface StepOptions {
  readonly fold?: FoldOptions | undefined;
  /** Whether layers that treat rows alike are gathered on one matrix of all rows. */
  readonly gather?: boolean;
  /** Whether equal parameters may become one, and parameters that change nothing yet may go. */
  readonly forInference?: boolean;
}

/** @param create runs what is folded */
export function stepsOf(create: SessionFactory, rules: readonly Rule[], options: StepOptions = {}): Step[] {
  const { fold = {}, gather = true, forInference = false } = options;
  return [
    passStep('dead-code', (model) => {
      const result = eliminateDeadCode(model);
      const size = ({ graph }: Model): number => graph.nodes.length + graph.initializers.size;
      return { model: result, removed: size(model) - size(result) };
    }),
    {
      name: 'constants',
      async apply(model, _, types) {
        const result = await foldConstants(model, create, { ...fold, types });
        return { model: result, fired: model.graph.nodes.length - result.graph.nodes.length };
      },
    },
    ...rules.map((rule) => ruleStep(forInference ? rule : sparingParameters(rule))),
    ...(gather ? [rowsStep] : []),
    passStep('duplicate-constants', (model) => mergeDuplicateConstants(model, forInference ? undefined : isTrainable)),
    passStep('common-subexpressions', eliminateCommonSubexpressions),
    passStep('name-outputs', nameOutputs),
  ];
}
