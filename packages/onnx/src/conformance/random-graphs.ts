/** Test support: random small graphs, most of them legal, to hold shape inference against what ONNX Runtime makes of them. */
import { GraphBuilder, inferShapes, OnnxError, valueTypes, type Dim, type Model, type ValueType } from '../index.js';
import { Picker, RECIPES, type Random } from './random-recipes.js';

export interface RandomGraph {
  model: Model;
  /** The input `x` and its size along each axis. */
  sizes: readonly number[];
  /** Models whose last node inference refused, and why. */
  refused: { model: Model; why: string }[];
}

function asOutputs(model: Model, names: readonly string[]): Model {
  return { ...model, graph: { ...model.graph, outputs: names.map((name) => ({ name, type: null })) } };
}

function snapshot(model: Model): Model {
  const { graph } = model;
  return { ...model, graph: { ...graph, nodes: [...graph.nodes], initializers: new Map(graph.initializers) } };
}

const sized = (type: ValueType | undefined): readonly number[] | null => {
  if (type?.kind !== 'tensor' || type.dtype !== 'float32') return null;
  return type.shape?.every((d): d is number => typeof d === 'number') ? type.shape : null;
};

/** A graph of up to `count` steps on one input, without the nodes that inference refuses. */
export function randomGraph(random: Random, count: number): RandomGraph {
  const p = new Picker(random, []);
  const sizes = p.random() < 0.5 ? [p.int(1, 2), p.int(1, 3), p.int(3, 6), p.int(3, 6)] : [2, 3, 4].slice(p.int(0, 2));
  const b = new GraphBuilder();
  p.values.push({ name: b.input('x', 'float32', sizes), shape: sizes });
  const refused: RandomGraph['refused'] = [];
  const names: string[] = [];
  for (let step = 0; step < count; step++) {
    const before = b.graph.nodes.length;
    const made = [p.one(RECIPES)(b, p)].flat();
    const model = snapshot(b.build());
    try {
      const types = valueTypes(inferShapes(model).graph);
      for (const name of made) {
        const shape = sized(types.get(name));
        // Large or empty values make the next steps slow or pointless.
        const elements = shape?.reduce((n, d) => n * d, 1) ?? 0;
        if (shape && elements > 0 && elements < 5000) p.values.push({ name, shape });
        names.push(name);
      }
    } catch (error) {
      if (!(error instanceof OnnxError)) throw error;
      refused.push({ model: asOutputs(model, made), why: error.message });
      b.graph.nodes.splice(before);
    }
  }
  return { model: asOutputs(b.build(), names), sizes, refused };
}

/** The same model with a symbol for each size of its input. */
export function symbolic(model: Model): Model {
  const [input] = model.graph.inputs;
  if (input?.type?.kind !== 'tensor' || !input.type.shape) throw new Error('the input is a tensor of known rank');
  const shape = input.type.shape.map((_, i): Dim => `d${i}`);
  return { ...model, graph: { ...model.graph, inputs: [{ ...input, type: { ...input.type, shape } }] } };
}
