/**
 * Several steps as one graph: a Loop whose body is the step (ONNX operators, Loop-16). What a step makes for the next one stays
 * in the executor's memory, and a run costs its fixed price once: the binding's 5 to 7 microseconds for each input and output,
 * and a turn of the event loop.
 */
import {
  graphAttr,
  int,
  type Attribute,
  type DataType,
  type Dim,
  type Graph,
  type Model,
  type Node,
  type ValueInfo,
} from '@verge/onnx';
import { LOSS, MASK, nextOf, OUTPUT } from '../step-parts.js';

/** How many steps the run takes: a scalar. */
export const STEPS = 'loop.steps';

/** State before the first step, and after the last. */
export const firstOf = (name: string): string => `loop.first.${name}`;
export const lastOf = (name: string): string => `loop.last.${name}`;
/** A value of every step, with the steps as its first axis. */
export const allOf = (name: string): string => `loop.all.${name}`;

const ITERATION = 'loop.iteration';
const GO_ON = 'loop.go-on';
const ALWAYS = 'loop.always';

function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, Attribute>> = {},
): Node {
  return {
    op,
    domain: '',
    name: outputs[0]!,
    inputs: [...inputs],
    outputs: [...outputs],
    attributes: new Map(Object.entries(attributes)),
  };
}

const info = (name: string, dtype: DataType, shape: readonly Dim[]): ValueInfo => ({
  name,
  type: { kind: 'tensor', dtype, shape },
});

function known({ name, type }: ValueInfo): { name: string; dtype: DataType; shape: readonly Dim[] } {
  if (type?.kind !== 'tensor' || !type.dtype || !type.shape) throw new RangeError(`'${name}' has no known shape`);
  return { name, dtype: type.dtype, shape: type.shape };
}

/** What a step's inputs are to the steps together. */
export interface LoopParts {
  /** Read, and replaced by `next.` of the same name. */
  readonly state: readonly string[];
  /** The same for all steps. */
  readonly fixed: readonly string[];
  /** Others for each step. */
  readonly each: readonly string[];
  /** What a step gives besides the state, with its shape: float32. */
  readonly results: readonly { readonly name: string; readonly shape: readonly number[] }[];
}

const RESULTS = [LOSS, OUTPUT];

export function loopParts({ inputs, outputs }: Graph): LoopParts {
  const made = new Set(outputs.map((o) => o.name));
  const names = inputs.map((i) => i.name);
  const state = names.filter((name) => made.has(nextOf(name)));
  const fixed = names.filter((name) => name === MASK || name.startsWith(`${MASK}.`));
  const each = names.filter((name) => !state.includes(name) && !fixed.includes(name));
  const results = RESULTS.map((name) => {
    const { shape } = known(outputs.find((output) => output.name === name)!);
    return { name, shape: shape as readonly number[] };
  });
  return { state, fixed, each, results };
}

/**
 * Takes `loop.steps` steps of a step graph. Inputs: `loop.first.` of each state, `loop.all.` of what differs from step to step, and
 * what does not under its own name. Outputs: `loop.last.` of each state, `loop.all.step.loss` and `loop.all.step.output`.
 */
export function loopModel(model: Model): Model {
  const { graph } = model;
  const { state, fixed, each } = loopParts(graph);
  const port = (name: string): ReturnType<typeof known> =>
    known([...graph.inputs, ...graph.outputs].find((i) => i.name === name)!);
  const typed = (name: string, as: string, lead: readonly Dim[] = []): ValueInfo =>
    info(as, port(name).dtype, [...lead, ...port(name).shape]);
  const body: Graph = {
    ...graph,
    name: `${graph.name}.step`,
    inputs: [info(ITERATION, 'int64', []), info(GO_ON, 'bool', []), ...state.map((name) => typed(name, name))],
    nodes: [
      ...each.map((name) => node('Gather', [allOf(name), ITERATION], [name], { axis: int(0) })),
      ...graph.nodes,
      node('Identity', [GO_ON], [`${GO_ON}.next`]),
    ],
    outputs: [
      info(`${GO_ON}.next`, 'bool', []),
      ...[...state.map(nextOf), ...RESULTS].map((name) => typed(name, name)),
    ],
  };
  const outputs = [...state.map(lastOf), ...RESULTS.map(allOf)];
  const loop = node('Loop', [STEPS, ALWAYS, ...state.map(firstOf)], outputs, { body: graphAttr(body) });
  return {
    ...model,
    graph: {
      name: graph.name,
      inputs: [
        info(STEPS, 'int64', []),
        ...state.map((name) => typed(name, firstOf(name))),
        ...each.map((name) => typed(name, allOf(name), ['steps'])),
        ...fixed.map((name) => typed(name, name)),
      ],
      nodes: [loop],
      outputs: [
        ...state.map((name) => typed(name, lastOf(name))),
        ...RESULTS.map((name) => typed(name, allOf(name), ['steps'])),
      ],
      initializers: new Map([[ALWAYS, { name: ALWAYS, value: { dtype: 'bool', dims: [], data: Uint8Array.of(1) } }]]),
      sparseInitializers: [],
      values: new Map(),
    },
  };
}
