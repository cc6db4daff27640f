/** Plans of mixed precision as models, made quickly: ranges by minimum and maximum, biases as they are. */
import type { DeviceClass } from '@verge/contracts';
import type { Samples } from '@verge/data';
import type { Model, Tensor } from '@verge/onnx';
import { boundToSamples, type PortOptions } from '@verge/training';
import { GraphIndex, nodeName } from '../../../graph/index-of-values.js';
import { studyRanges, type StudyOptions } from '../../../study/calibrate.js';
import { Feeds } from '../../../study/feeds.js';
import { SENSITIVITY_SAMPLES } from '../../../study/sensitivity.js';
import { spread } from '../../../study/spread.js';
import { addsPairsIn16Bits } from '../../../targets/kernel-pairs.js';
import { insertQdq } from '../insert.js';
import { planQuantization, tieActivations, type WeightedUnit } from '../plan.js';
import { affineParams, type AffineParams } from '../scale.js';
import { labelled, labelOf, placeOf } from './labels.js';
import type { Kept } from './mixtures.js';

type Target = Pick<DeviceClass, 'int8Activation' | 'vnni' | 'arch'>;

export class Variants {
  /** All in float32, nodes called by number. */
  readonly source: Model;
  readonly bound: Model;
  readonly samples: Samples;
  readonly units: readonly WeightedUnit[];
  readonly #names: readonly string[];
  readonly #bind: (model: Model) => Model;
  readonly #narrow: boolean;
  #params: ReadonlyMap<string, AffineParams> = new Map();

  constructor(
    able: Model,
    train: Samples,
    readonly target: Target,
    ports: PortOptions | undefined,
  ) {
    this.#names = able.graph.nodes.map(nodeName);
    this.samples = spread(train, SENSITIVITY_SAMPLES);
    this.source = labelled(able);
    this.#bind = (model) => boundToSamples(model, this.samples, ports);
    this.bound = this.#bind(this.source);
    this.units = planQuantization(this.source).weighted;
    this.#narrow = addsPairsIn16Bits(target);
  }

  async calibrate(study: StudyOptions): Promise<void> {
    const groups = tieActivations(planQuantization(this.bound));
    const ranges = await studyRanges(this.bound, groups, new Feeds(this.bound, this.samples), study);
    this.#params = new Map(
      [...groups].map(([name, group]) => [name, affineParams(ranges.get(group)!, this.target.int8Activation)]),
    );
  }

  /** The name of a node, as the model that was given has it. */
  name(place: number): string {
    return this.#names[place] as string;
  }

  get places(): number[] {
    return this.units.map(({ node }) => placeOf(node));
  }

  /** Bytes of each unit's weights in float32, in the order of the network. */
  weightBytes(): Map<number, number> {
    const index = new GraphIndex(this.source.graph);
    return new Map(this.units.map(({ node, weight }) => [placeOf(node), 4 * (index.floats(weight)?.data.length ?? 0)]));
  }

  /** The model with these units in float32. */
  with(keep: Kept): Model {
    const plan = planQuantization(this.source, new Set([...keep].map(labelOf)));
    return plan.weighted.length === 0
      ? this.source
      : insertQdq(this.source, plan, this.#params, { narrow: this.#narrow }).model;
  }

  bind(model: Model): Model {
    return this.#bind(model);
  }

  /** One sample, or as many as the model insists on. */
  feeds(): Record<string, Tensor> {
    const feeds = new Feeds(this.bound, this.samples);
    return feeds.rows(0, feeds.fixedRows ?? 1);
  }
}
