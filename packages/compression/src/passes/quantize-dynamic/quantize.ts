/** Dynamic quantisation: weights in int8 now, activations in uint8 with a range of their own at each run. */
import type { DeviceClass, RecipePass } from '@verge/contracts';
import { eliminateDeadCode, GraphBuilder, int, type Model, type Node } from '@verge/onnx';
import { checkCancelled } from '../../errors.js';
import { denseOf, otherReader, type Dense } from '../../graph/dense.js';
import { cloneModel, GraphIndex, nodeName } from '../../graph/index-of-values.js';
import { liftConstants } from '../../graph/lift-constants.js';
import { addsPairsIn16Bits } from '../../targets/kernel-pairs.js';
import { operatorsInside } from '../branches.js';
import { checkedKeep, nothingDone } from '../keep.js';
import { atLeastOpset } from '../opset.js';
import type { PassContext, PassResult } from '../pass.js';
import { quantizeWeight } from '../quantize-static/scale.js';
import { integerLstm, reasonAgainstLstm, type WeightForm } from './lstm.js';
import { reasonAgainstStoring, STORED, withStoredWeights } from './stored.js';

export type QuantizeDynamicOptions = Omit<Extract<RecipePass, { pass: 'quantize-dynamic' }>, 'pass'>;
type Target = Pick<DeviceClass, 'arch' | 'vnni'>;

/** The operator set that has DynamicQuantizeLinear. */
const ABLE = 11;
/** Nodes, names and scales of a product take about this many bytes: a smaller saving is none. */
const NODES_COST = 512;
/** FLOAT in TensorProto.DataType (onnx.proto). */
const FLOAT = 1;

/** Operators with weights that are left in floats, and why. */
const LEFT: Readonly<Record<string, string>> = {
  Conv: 'ranges that are found at each run keep a convolution from being fused with what follows; `quantize-static` suits it',
  ConvTranspose: 'there is no ConvTranspose on integers; `quantize-static` writes it as a convolution',
};

type Layer =
  | { kind: 'dense'; dense: Dense }
  | { kind: 'lstm'; node: Node }
  /** `why` it computes in floats. */
  | { kind: 'stored'; node: Node; why: string };

interface Chosen {
  readonly layers: ReadonlyMap<Node, Layer>;
  readonly declined: { node: string; reason: string }[];
}

function layerOf(node: Node, index: GraphIndex, { lstm }: QuantizeDynamicOptions): Layer | string | null {
  if (node.domain !== '') return null;
  if (node.op === 'LSTM' && !lstm) return 'the recipe has no LSTM on integers';
  const why = node.op === 'LSTM' ? reasonAgainstLstm(node, index) : STORED[node.op];
  if (why) return reasonAgainstStoring(node, index) ?? { kind: 'stored', node, why };
  if (node.op === 'LSTM') return { kind: 'lstm', node };
  const left = LEFT[node.op];
  if (left !== undefined) return left;
  const dense = denseOf(node, index);
  if (dense === null || typeof dense === 'string') return dense;
  const saved = 3 * dense.rows * dense.columns - 4 * dense.columns;
  if (saved < NODES_COST) return `its ${dense.rows * dense.columns} weights would take no less in int8`;
  return { kind: 'dense', dense };
}

function choose(model: Model, index: GraphIndex, keep: ReadonlySet<string>, options: QuantizeDynamicOptions): Chosen {
  const layers = new Map<Node, Layer>();
  const declined = operatorsInside(model, new Set(['MatMul', 'Gemm', 'LSTM', 'GRU', 'RNN']));
  for (const node of model.graph.nodes) {
    const layer = layerOf(node, index, options);
    if (layer === null) continue;
    const reason = keep.has(nodeName(node)) ? 'the recipe keeps it' : typeof layer === 'string' ? layer : null;
    if (reason !== null) declined.push({ node: nodeName(node), reason });
    else layers.set(node, layer as Layer);
    const stored = reason === null && typeof layer !== 'string' && layer.kind === 'stored' ? layer.why : null;
    if (stored !== null)
      declined.push({ node: nodeName(node), reason: `${stored}: it computes in float32, with weights stored in int8` });
  }
  return { layers, declined };
}

class Writer {
  readonly model: Model;
  readonly #builder: GraphBuilder;
  /** Each value is quantised once, whatever many layers read it. */
  readonly #quantised = new Map<string, [value: string, scale: string, zero: string]>();
  readonly #weights = new Map<string, [value: string, scale: string, zero: string]>();
  readonly #stored = new Map<string, string>();
  narrowed = 0;

  constructor(
    source: Model,
    private readonly index: GraphIndex,
    private readonly form: WeightForm,
  ) {
    this.model = cloneModel(source);
    this.#builder = new GraphBuilder(this.model.graph);
  }

  write(layer: Layer): Node[] {
    if (layer.kind === 'dense') return this.#dense(layer.dense);
    if (layer.kind === 'stored') return withStoredWeights(layer.node, this.index, this.#builder, this.#stored);
    const { node, narrowed } = integerLstm(layer.node, this.index, this.#builder, this.form);
    this.narrowed += narrowed;
    this.model.opsets.set('com.microsoft', this.model.opsets.get('com.microsoft') ?? 1);
    return [node];
  }

  /** Y = Cast(MatMulInteger(x, w)) * (scale of x * scale of w) + bias: the form that ONNX Runtime fuses into one node. */
  #dense(dense: Dense): Node[] {
    const made: Node[] = [];
    const add = (op: string, inputs: string[], output?: string, attributes: Node['attributes'] = new Map()): string => {
      const name = output ?? this.#builder.fresh(`${dense.node.outputs[0]}/${op}`);
      made.push({
        op,
        domain: '',
        name: op === 'MatMulInteger' ? dense.node.name : '',
        inputs,
        outputs: [name],
        attributes,
      });
      return name;
    };
    const [x, xScale, xZero] = this.#activation(dense.node.inputs[0] as string, made);
    const [w, wScale, wZero] = this.#weight(dense);
    const sum = add('MatMulInteger', [x, w, xZero, wZero]);
    const float = add('Cast', [sum], undefined, new Map([['to', int(FLOAT)]]));
    const scale = add('Mul', [xScale, wScale]);
    const [output] = dense.node.outputs;
    const product = add('Mul', [float, scale], dense.bias === null ? output : undefined);
    if (dense.bias !== null) add('Add', [product, dense.bias], output);
    return made;
  }

  #activation(value: string, made: Node[]): [string, string, string] {
    const known = this.#quantised.get(value);
    if (known) return known;
    const names = ['quantized', 'scale', 'zero'].map((part) => this.#builder.fresh(`${value}/${part}`));
    made.push({ op: 'DynamicQuantizeLinear', domain: '', name: '', inputs: [value], outputs: names, attributes: new Map() }); // prettier-ignore
    this.#quantised.set(value, names as [string, string, string]);
    return names as [string, string, string];
  }

  #weight(dense: Dense): [string, string, string] {
    const known = this.#weights.get(dense.key);
    if (known) return known;
    const { rows, columns } = dense;
    const channel = this.form.scale === 'channel';
    const { data, scales, narrowed } = quantizeWeight(
      dense.matrix(),
      channel ? [rows, columns] : [1, rows * columns],
      channel ? 1 : 0,
      { narrow: this.form.narrow },
    );
    this.narrowed += narrowed;
    const shape = channel ? [columns] : [];
    const names: [string, string, string] = [
      this.#builder.constant({ dtype: 'int8', dims: [rows, columns], data }, 'w'),
      this.#builder.constant({ dtype: 'float32', dims: shape, data: scales }, 'scale'),
      this.#builder.constant({ dtype: 'int8', dims: shape, data: new Int8Array(scales.length) }, 'zero'),
    ];
    this.#weights.set(dense.key, names);
    return names;
  }
}

/**
 * @throws CompressionError `bad-recipe` when `keep` names a node that is not there, `unsuitable-model` when no layer can be
 *   quantised, `cancelled`
 */
export async function quantizeDynamic(
  model: Model,
  options: QuantizeDynamicOptions,
  target: Target,
  context: PassContext,
): Promise<PassResult> {
  const keep = checkedKeep(model, options.keep);
  const { model: inside, lifted } = liftConstants(model);
  const { model: able, raised } = atLeastOpset(inside, ABLE, 'a range that is found at each run');
  const index = new GraphIndex(able.graph);
  const { layers, declined } = choose(able, index, keep, options);
  if (layers.size === 0) nothingDone('no dense or recurrent layer can be quantised', declined);
  const narrow = addsPairsIn16Bits(target);
  const writer = new Writer(able, index, { scale: options.scale, narrow });
  const nodes: Node[] = [];
  const notes = new Set<string>();
  for (const [i, node] of able.graph.nodes.entries()) {
    checkCancelled(context.signal);
    const layer = layers.get(node);
    if (!layer) {
      nodes.push(writer.model.graph.nodes[i] as Node);
      continue;
    }
    nodes.push(...writer.write(layer));
    const other = otherReader(node.inputs[1] as string, new Set(layers.keys()), index);
    if (other !== null) notes.add(`'${node.inputs[1]}' stays in floats beside its integers, since '${other}' reads it`);
    context.onProgress?.((i + 1) / able.graph.nodes.length);
    await new Promise(setImmediate);
  }
  writer.model.graph.nodes = nodes;
  const kinds = [...layers.values()].map((layer) => layer.kind);
  const changes = {
    products: kinds.filter((kind) => kind === 'dense').length,
    lstm: kinds.filter((kind) => kind === 'lstm').length,
    ...(kinds.includes('stored') && { weightsStored: kinds.filter((kind) => kind === 'stored').length }),
    ...(writer.narrowed > 0 && { narrowedChannels: writer.narrowed }),
    ...(lifted > 0 && { constantsLifted: lifted }),
    ...(raised > 0 && { operatorSetsRaised: raised }),
  };
  return { model: eliminateDeadCode(writer.model), changes, declined, notes: [...notes] };
}
