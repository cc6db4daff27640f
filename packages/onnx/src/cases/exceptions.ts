/** Cases that a verb refuses, with the words of the refusal and why it is right. */
export type Verb = 'summarize' | 'simplify' | 'verify' | 'partition';

export interface Exception {
  readonly says: RegExp;
  readonly why: string;
}

const NOTHING_TO_CUT: Exception = {
  says: /1 stages for 0 nodes that depend on the inputs/,
  why: 'no node depends on an input, so that there is nothing to divide',
};

export const EXCEPTIONS: Readonly<Record<string, Readonly<Partial<Record<Verb, Exception>>>>> = {
  all_const: { partition: NOTHING_TO_CUT },
  no_inputs: { partition: NOTHING_TO_CUT },
  huge_declared_input: {
    verify: {
      says: /inputs of 4,000,000,012 elements are not drawn/,
      why: 'a feed of 16 GB is refused before it is made; without verification it is simplified',
    },
  },
  optional: {
    partition: {
      says: /handing on a value that is no tensor.*"o"/,
      why: 'between its nodes flows an optional, which sessions do not hand over',
    },
  },
};

/** Outputs that are drawn at random: their shapes are compared, not their numbers. */
export const RANDOM: ReadonlySet<string> = new Set(['random_cse']);

/** Open sizes of the cases that have no stored inputs; they are drawn at random. */
export const DRAWN: Readonly<Record<string, number>> = {
  skl2onnx_knn: 150,
  skl2onnx_ridge_dup_opset: 20,
  train_constant_weight: 3,
  train_fresh_bn_then_simplify: 3,
  train_layernorm_parts: 3,
  train_reserved_name: 3,
  train_tied_identity: 3,
};

/** The case that no machine has the memory to feed. */
export const NEVER_RUN = 'huge_declared_input';
