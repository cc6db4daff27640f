/** A student with the inputs and outputs of the model that it takes the place of. */
import { int, type Model, type Node, renameGraph, type ValueInfo } from '@verge/onnx';
import { logitsModel } from '@verge/training';
import { CompressionError } from '../../errors.js';
import { GraphIndex } from '../../graph/index-of-values.js';

const fed = ({ graph }: Model): ValueInfo[] => graph.inputs.filter(({ name }) => !graph.initializers.has(name));
const named = (values: readonly ValueInfo[]): string => values.map(({ name }) => `'${name}'`).join(', ') || 'none';
const sameNames = (a: readonly ValueInfo[], b: readonly ValueInfo[]): boolean =>
  a.length === b.length && a.every(({ name }) => b.some((other) => other.name === name));
const dtypeOf = ({ type }: ValueInfo): string =>
  type?.kind === 'tensor' ? (type.dtype ?? 'of no known type') : 'no tensor';

/** What turns the scores of a model into its output: Softmax, LogSoftmax, or nothing. */
function endingOf(model: Model): 'Softmax' | 'LogSoftmax' | null {
  if (logitsModel(model) === model) return null;
  const { producers } = new GraphIndex(model.graph);
  let node = producers.get(model.graph.outputs[0]?.name ?? '');
  while (node && node.op !== 'Softmax' && node.op !== 'LogSoftmax') node = producers.get(node.inputs[0] ?? '');
  return (node?.op as 'Softmax' | 'LogSoftmax' | undefined) ?? null;
}

/** The student that ends as the source does. */
function ending(student: Model, as: ReturnType<typeof endingOf>): Model {
  if (endingOf(student) === as) return student;
  const scores = logitsModel(student);
  if (as === null) return scores;
  const { graph } = scores;
  const [output] = graph.outputs as [ValueInfo];
  const name = `${output.name}.${as.toLowerCase()}`;
  const attributes: Node['attributes'] = new Map([['axis', int(-1)]]);
  const node: Node = { op: as, domain: '', name, inputs: [output.name], outputs: [name], attributes };
  return { ...scores, graph: { ...graph, nodes: [...graph.nodes, node], outputs: [{ ...output, name }] } };
}

/** Values called as others are to be called get another name. */
function renamed(model: Model, names: ReadonlyMap<string, string>): Model {
  const { graph } = model;
  const wanted = new Set([...names].filter(([from, to]) => from !== to).map(([, to]) => to));
  const all = [
    ...graph.initializers.keys(),
    ...graph.inputs.map((i) => i.name),
    ...graph.nodes.flatMap((n) => n.outputs),
  ];
  const others = all
    .filter((name) => wanted.has(name) && !names.has(name))
    .map((name) => [name, `${name}.student`] as const);
  return { ...model, graph: renameGraph(graph, new Map([...others, ...names])) };
}

/**
 * One input and one output are called as the source's; of several the names must be the source's. An output of probabilities is one
 * afterwards too.
 * @throws CompressionError `unsuitable-model` naming every input and output that has no like
 */
export function inPlaceOf(student: Model, source: Model): Model {
  const [given, wanted] = [fed(student), fed(source)];
  const problems: string[] = [];
  if (!(given.length === 1 && wanted.length === 1) && !sameNames(given, wanted))
    problems.push(`the student reads ${named(given)}, the model ${named(wanted)}`);
  const outputs = [student.graph.outputs, source.graph.outputs] as const;
  const single = outputs.every((list) => list.length === 1);
  if (!single && !sameNames(...outputs))
    problems.push(`the student gives ${named(outputs[0])}, the model ${named(outputs[1])}`);
  if (problems.length === 0)
    for (const input of given) {
      const other = given.length === 1 ? wanted[0]! : wanted.find(({ name }) => name === input.name)!;
      if (dtypeOf(input) !== dtypeOf(other))
        problems.push(`the student's input '${input.name}' is ${dtypeOf(input)}, the model's ${dtypeOf(other)}`);
    }
  if (problems.length > 0) throw new CompressionError('unsuitable-model', problems.join('; '), { problems });
  if (!single) return student;
  const ended = ending(student, endingOf(source));
  const names = new Map([[ended.graph.outputs[0]!.name, source.graph.outputs[0]!.name]]);
  if (given.length === 1) names.set(given[0]!.name, wanted[0]!.name);
  return renamed(ended, names);
}
