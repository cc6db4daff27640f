import { describe, expect, it } from 'vitest';
import {
  decodeModel,
  float32,
  inferShapes,
  int,
  int64,
  ints,
  knownIntegers,
  OnnxError,
  str,
  summarize,
  type Attribute,
  type Dim,
  type Graph,
  type Model,
  type Node,
  type Tensor,
  type ValueInfo,
  type ValueType,
} from '../index.js';
import { subgraphs } from '../builder.js';
import { dataFolder, nodeCases } from './archive.js';
import { seeded } from './random.js';

const folder = dataFolder('inference on mutations of the ONNX 1.22 node tests');
const RUNS = process.env['VERGE_TEST_FULL'] ? 60_000 : 1_000;

const allGraphs = (graph: Graph): Graph[] => [graph, ...graph.nodes.flatMap(subgraphs).flatMap(allGraphs)];

/** Changes that leave a model well-formed, but not always sensible. */
class Mutator {
  constructor(private readonly random: () => number) {}

  int(below: number): number {
    return Math.floor(this.random() * below);
  }

  one<T>(list: readonly T[]): T {
    return list[this.int(list.length)]!;
  }

  mutate(model: Model): void {
    const graph = this.one(allGraphs(model.graph));
    if (graph.nodes.length > 0 && this.random() < 0.6) this.mutateNode(this.one(graph.nodes), graph);
    else if (graph.inputs.length > 0) this.mutateInput(this.one(graph.inputs));
  }

  private mutateNode(node: Node, graph: Graph): void {
    const names = [...graph.inputs.map((i) => i.name), ...graph.nodes.flatMap((n) => n.outputs), ''];
    const attributes = [...node.attributes];
    const at = this.int(node.inputs.length + 1);
    const operators = [
      'Add',
      'Reshape',
      'Loop',
      'If',
      'Scan',
      'Slice',
      'Gather',
      'Concat',
      'Range',
      'SequenceAt',
      'Split',
    ];
    const kind = this.int(6);
    if (kind === 0) node.inputs[at] = this.one(names);
    else if (kind === 1) node.inputs.splice(at, 1);
    else if (kind === 2) node.outputs.push(`extra${node.outputs.length}`);
    else if (kind === 3) node.op = this.one(operators);
    else if (attributes.length > 0) {
      const [name, attribute] = this.one(attributes);
      if (kind === 4) node.attributes.delete(name);
      else node.attributes.set(name, this.attribute(attribute));
    }
  }

  private attribute(attribute: Attribute): Attribute {
    if (attribute.kind === 'int') return int(this.one([-2, -1, 0, 1, 2, 5, 2 ** 40]));
    if (attribute.kind === 'string') return str('x');
    if (attribute.kind !== 'ints') return attribute;
    return ints(attribute.value.map((v) => (this.random() < 0.5 ? v : this.one([-1, 0, 1, 2, 3, 100, 2 ** 40]))));
  }

  private mutateInput(info: ValueInfo): void {
    const { type } = info;
    if (type?.kind !== 'tensor' || !type.shape || this.random() < 0.2) {
      const element: ValueType = { kind: 'tensor', dtype: 'float32', shape: null };
      info.type = this.one([null, { kind: 'unspecified' }, element, { kind: 'sequence', element }]);
    } else if (this.random() < 0.3) {
      info.type = { ...type, shape: this.random() < 0.5 ? type.shape.slice(1) : [2, ...type.shape] };
    } else {
      const other = (): Dim => this.one<Dim>([0, 1, 2, 3, 'n', null, 7]);
      info.type = { ...type, shape: type.shape.map((d) => (this.random() < 0.6 ? d : other())) };
    }
  }

  known({ graph }: Model): Map<string, Tensor> {
    const values = [int64([2], [1, 2]), int64([], [3]), float32([1], [1.5]), int64([4], [0, -1, 2, 9])];
    return new Map(graph.inputs.filter(() => this.random() < 0.5).map(({ name }) => [name, this.one(values)]));
  }
}

describe.skipIf(!folder)('inference on mutated models', () => {
  it('answers with types or a code, never anything else', () => {
    const files = nodeCases(folder!).filter(({ path }) => path.endsWith('/model.onnx'));
    const codes: Record<string, number> = {};
    const mutator = new Mutator(seeded(4));
    for (let run = 0; run < RUNS; run++) {
      const { path, bytes } = mutator.one(files);
      const model = decodeModel(bytes);
      for (let n = mutator.int(3); n >= 0; n--) mutator.mutate(model);
      const known = mutator.known(model);
      for (const look of [
        inferShapes,
        knownIntegers,
        summarize,
        (m: Model) => inferShapes(m, { fresh: true, known }),
      ]) {
        let code = 'inferred';
        try {
          look(model);
        } catch (error) {
          if (!(error instanceof OnnxError)) throw new Error(path, { cause: error });
          code = error.code;
        }
        codes[code] = (codes[code] ?? 0) + 1;
      }
    }
    console.log(`${RUNS} mutated models: ${JSON.stringify(codes)}`);
    expect(Object.keys(codes).sort()).toEqual(['attribute', 'inferred', 'shape']);
    expect(codes['shape']).toBeGreaterThan(RUNS / 4);
    expect(codes['inferred']).toBeGreaterThan(RUNS);
  });
});
