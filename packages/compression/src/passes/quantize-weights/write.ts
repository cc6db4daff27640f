/** Writes weights in blocks into the graph: MatMulNBits and GatherBlockQuantized of ONNX Runtime (ContribOperators.md). */
import { GraphBuilder, int, type Attribute, type Model, type Node } from '@verge/onnx';
import type { Dense } from '../../graph/dense.js';
import { cloneModel, nodeName, type GraphIndex } from '../../graph/index-of-values.js';
import type { Layer, QuantizeWeightsOptions, Table } from './layers.js';
import { nearestLevels, packedLevels, repacked, type BlockedMatrix, type Levels, type Lines } from './matrix.js';

const DOMAIN = 'com.microsoft';

/** The constants that a node in blocks reads beside what it is given. */
interface Stored {
  readonly places: string;
  readonly scales: string;
  /** Absent where the operator's own is meant. */
  readonly zeros: string[];
}

/** A product's matrix: a line is what one output is made with. */
export function linesOf(dense: Dense): Lines {
  const { rows, columns } = dense;
  return { data: dense.matrix(), lines: columns, length: rows, at: (line, i) => i * columns + line };
}

export class BlockWriter {
  readonly model: Model;
  readonly notes: string[] = [];
  readonly #builder: GraphBuilder;
  readonly #stored = new Map<string, Stored>();

  constructor(
    source: Model,
    private readonly index: GraphIndex,
    private readonly options: QuantizeWeightsOptions,
    private readonly signal: AbortSignal | undefined,
    /** Levels of products' matrices, by their key; the nearest where there are none. */
    private readonly levels: ReadonlyMap<string, Levels> = new Map(),
  ) {
    this.model = cloneModel(source);
    this.#builder = new GraphBuilder(this.model.graph);
  }

  async write(layer: Layer): Promise<Node[]> {
    return layer.kind === 'dense' ? this.#dense(layer.of) : this.#table(layer.of);
  }

  async #dense(dense: Dense): Promise<Node[]> {
    const { node, rows, columns, bias } = dense;
    const { places, scales, zeros } = await this.#store(`${dense.key} product`, nodeName(node), async () => {
      const made = await this.#blocked(linesOf(dense), this.levels.get(dense.key));
      return { stored: this.#productParts(made, columns), decibels: made.decibels };
    });
    const { accuracyLevel, bits, blockSize } = this.options;
    const attributes = new Map<string, Attribute>([
      ...Object.entries({ K: int(rows), N: int(columns), bits: int(bits), block_size: int(blockSize) }),
      ...(accuracyLevel > 0 ? [['accuracy_level', int(accuracyLevel)] as const] : []),
    ]);
    const [output] = node.outputs as [string];
    const product = bias === null ? output : this.#builder.fresh(`${output}/product`);
    const inputs = [node.inputs[0] as string, places, scales, ...zeros];
    const made: Node[] = [{ ...node, op: 'MatMulNBits', domain: DOMAIN, inputs, outputs: [product], attributes }];
    if (bias !== null) made.push({ op: 'Add', domain: '', name: '', inputs: [product, bias], outputs: [output], attributes: new Map() }); // prettier-ignore
    return made;
  }

  #productParts({ packed, scales, zeros, blocks }: BlockedMatrix, columns: number): Stored {
    const { bits, blockSize, symmetric } = this.options;
    const b = this.#builder;
    const dims = [columns, blocks, (blockSize * bits) / 8];
    return {
      places: b.constant({ dtype: 'uint8', dims, data: packed }, 'w'),
      scales: b.constant({ dtype: 'float32', dims: [columns, blocks], data: scales }, 'scale'),
      // Without them the middle is meant, as symmetric blocks have it.
      zeros: symmetric ? [] : [b.constant({ dtype: 'uint8', dims: [columns, zeros.length / columns], data: zeros }, 'zero')], // prettier-ignore
    };
  }

  async #table({ node, weight, key, rows, columns }: Table): Promise<Node[]> {
    const { blockSize } = this.options;
    const { places, scales, zeros } = await this.#store(`${key} table`, nodeName(node), async () => {
      const data = this.index.floats(weight)!.data;
      const at = (line: number, i: number): number => line * columns + i;
      const made = await this.#blocked({ data, lines: rows, length: columns, at });
      return { stored: this.#tableParts(made, rows, columns), decibels: made.decibels };
    });
    const attributes = new Map<string, Attribute>(
      Object.entries({
        ...{ gather_axis: int(0), quantize_axis: int(1), block_size: int(blockSize) },
        ...(this.options.bits === 8 && { bits: int(8) }),
      }),
    );
    const inputs = [places, node.inputs[1] as string, scales, ...zeros];
    return [{ ...node, op: 'GatherBlockQuantized', domain: DOMAIN, inputs, attributes }];
  }

  /** Rows are not filled up to whole blocks here, and zero points lie as their type says. */
  #tableParts(made: BlockedMatrix, rows: number, columns: number): Stored {
    const { bits, blockSize } = this.options;
    const width = made.blocks * blockSize;
    const places = repacked(made.packed, [rows, width], columns, bits);
    const zeros = repacked(made.zeros, [rows, (made.zeros.length / rows) * (8 / bits)], made.blocks, bits);
    const dtype = bits === 4 ? 'uint4' : 'uint8';
    const b = this.#builder;
    return {
      places: b.constant({ dtype, dims: [rows, columns], data: places }, 'w'),
      scales: b.constant({ dtype: 'float32', dims: [rows, made.blocks], data: made.scales }, 'scale'),
      zeros: [b.constant({ dtype, dims: [rows, made.blocks], data: zeros }, 'zero')],
    };
  }

  async #blocked(lines: Lines, known?: Levels): Promise<BlockedMatrix> {
    const { blockSize, bits } = this.options;
    const levels = known ?? (await nearestLevels(lines, blockSize, this.options, this.signal));
    return packedLevels(lines, levels, blockSize, bits);
  }

  /** Layers that share a weight share what is stored of it. */
  async #store(key: string, node: string, make: () => Promise<{ stored: Stored; decibels: number }>): Promise<Stored> {
    const known = this.#stored.get(key);
    if (known) return known;
    const { stored, decibels } = await make();
    this.#stored.set(key, stored);
    this.notes.push(`${node}: ${decibels === Infinity ? 'exact' : `${decibels.toFixed(1)} dB`}`);
    return stored;
  }
}
