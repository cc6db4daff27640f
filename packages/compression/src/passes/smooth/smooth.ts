/**
 * SmoothQuant (Xiao et al., 2022): a few channels of transformers' activations are a hundred times as large as the others, which then
 * have no digits left in 8 bits. x W = (x / s) (s W): the factors move that spread into weights, which have scales of their own.
 */
import type { RecipePass } from '@verge/contracts';
import { eliminateDeadCode, float32, GraphBuilder, type Model, type Node } from '@verge/onnx';
import { boundToSamples } from '@verge/training';
import { checkCancelled } from '../../errors.js';
import { cloneModel, GraphIndex } from '../../graph/index-of-values.js';
import { liftConstants } from '../../graph/lift-constants.js';
import { studyChannels } from '../../study/channels.js';
import { Feeds } from '../../study/feeds.js';
import { spread } from '../../study/spread.js';
import { checkedKeep, nothingDone } from '../keep.js';
import type { PassContext, PassResult } from '../pass.js';
import { absorb, timesInputs, type Constant, type Edit } from './absorb.js';
import { groupName, groupsOf, type Group } from './groups.js';
import { search, TRIAL_ROWS } from './search.js';

export type SmoothOptions = Omit<Extract<RecipePass, { pass: 'smooth' }>, 'pass'>;

/** Less than this is not worth a change, dB; a multiplication has to bring more. */
const LEAST_GAIN = { folded: 0.25, multiplied: 1 };

class Smoother {
  readonly #model: Model;
  readonly #builder: GraphBuilder;
  readonly #copies = new Map<Node, Node>();
  readonly #before = new Map<Node, Node[]>();

  constructor(
    source: Model,
    private readonly index: GraphIndex,
  ) {
    this.#model = cloneModel(source);
    this.#builder = new GraphBuilder(this.#model.graph);
    source.graph.nodes.forEach((node, i) => this.#copies.set(node, this.#model.graph.nodes[i] as Node));
  }

  apply({ value, layers }: Group, factors: Float64Array, edits: readonly Edit[] | null): void {
    for (const edit of edits ?? []) this.#edit(edit, factors);
    const divided = edits ? null : this.#multiplied(value, layers[0]!.node, factors);
    for (const { node } of layers) {
      this.#edit(timesInputs(this.index, node), factors);
      if (divided !== null) (this.#copies.get(node) as Node).inputs[0] = divided;
    }
  }

  /** From what the copy reads by now: a layer may have taken the factors of what it gives before those of what it reads. */
  #edit({ node, input, change }: Edit, factors: Float64Array): void {
    const copy = this.#copies.get(node) as Node;
    const { value } = this.#model.graph.initializers.get(copy.inputs[input] as string)!;
    const { dims, data } = change(value as Constant, factors);
    copy.inputs[input] = this.#builder.constant(float32(dims, data), node.inputs[input]);
  }

  #multiplied(value: string, first: Node, factors: Float64Array): string {
    const inverse = this.#builder.constant(float32([factors.length], Float32Array.from(factors, (s) => 1 / s)), `${value}/factors`); // prettier-ignore
    const output = this.#builder.fresh(`${value}/smooth`);
    const node: Node = { op: 'Mul', domain: '', name: this.#builder.fresh('smooth'), inputs: [value, inverse], outputs: [output], attributes: new Map() }; // prettier-ignore
    this.#before.set(first, [...(this.#before.get(first) ?? []), node]);
    return output;
  }

  done(): Model {
    const { graph } = this.#model;
    graph.nodes = [...this.#copies].flatMap(([source, copy]) => [...(this.#before.get(source) ?? []), copy]);
    return eliminateDeadCode(this.#model);
  }
}

/**
 * The outputs stay the same but for rounding.
 * @throws CompressionError `bad-recipe` when `keep` names a node that is not there, `unsuitable-model` when there is no dense layer,
 *   `bad-calibration`, `bad-samples`, `cancelled`
 */
export async function smooth(model: Model, options: SmoothOptions, context: PassContext): Promise<PassResult> {
  const keep = checkedKeep(model, options.keep);
  const { model: inside, lifted } = liftConstants(model);
  const index = new GraphIndex(inside.graph);
  const { groups, declined } = groupsOf(inside, index, keep);
  if (groups.length === 0) nothingDone('there is no dense layer to smooth', declined);
  const samples = spread(context.train, options.samples);
  const bound = boundToSamples(inside, samples, context.ports);
  const channels = new Map(groups.map((group) => [group.value, group.channels]));
  const report = (from: number, share: number) => (fraction: number) => context.onProgress?.(from + share * fraction);
  const studies = await studyChannels(bound, channels, TRIAL_ROWS, new Feeds(bound, samples), {
    ...{ createSession: context.createSession, signal: context.signal, onProgress: report(0, 0.5) },
  });
  const smoother = new Smoother(inside, index);
  const notes: string[] = [];
  const counts = { groups: 0, layers: 0, folded: 0, multiplied: 0 };
  const decline = (group: Group, reason: string): unknown => declined.push({ node: groupName(group), reason });
  for (const [i, group] of groups.entries()) {
    checkCancelled(context.signal);
    await new Promise(setImmediate);
    report(0.5, 0.5)(i / groups.length);
    const edits = group.alone ? absorb(group.value, group.channels, index) : null;
    if (!edits && !options.multiply) {
      decline(group, `nothing before '${group.value}' takes the factors, and the recipe wants no multiplication`);
      continue;
    }
    const weights = group.layers.map((layer) => ({ data: layer.matrix(), columns: layer.columns }));
    const { factors, alpha, before, after } = search(studies.get(group.value)!, weights, options.alpha);
    if (options.alpha === 'auto' && !(after - before >= LEAST_GAIN[edits ? 'folded' : 'multiplied'])) {
      decline(group, `its products in 8 bits gain ${(after - before).toFixed(1)} dB`);
      continue;
    }
    smoother.apply(group, factors, edits);
    counts.groups++;
    counts.layers += group.layers.length;
    counts[edits ? 'folded' : 'multiplied']++;
    notes.push(
      `${groupName(group)}: alpha ${alpha}, products in 8 bits ${before.toFixed(1)} to ${after.toFixed(1)} dB`,
    );
  }
  const changes = { ...counts, ...(lifted > 0 && { constantsLifted: lifted }) };
  return { model: counts.groups === 0 ? inside : smoother.done(), changes, declined, notes };
}
