/** What each channel of activations is like on samples: its range, and some whole rows. */
import { Random } from '@verge/data';
import { encodeModel, tensorInfo, type Model, type Tensor } from '@verge/onnx';
import { CompressionError } from '../errors.js';
import { cloneModel } from '../graph/index-of-values.js';
import type { StudyOptions } from './calibrate.js';
import type { Feeds } from './feeds.js';
import { stream } from './stream.js';

export class ChannelStudy {
  readonly min: Float64Array;
  readonly max: Float64Array;
  /** Rows drawn evenly from all that were seen. */
  readonly rows: Float32Array[] = [];
  #seen = 0;
  readonly #random = new Random(1);

  constructor(
    readonly channels: number,
    private readonly wanted: number,
  ) {
    this.min = new Float64Array(channels).fill(Infinity);
    this.max = new Float64Array(channels).fill(-Infinity);
  }

  /** @returns a value that is not finite, or null */
  add(data: Float32Array): number | null {
    const { channels, min, max } = this;
    for (let from = 0; from < data.length; from += channels) {
      for (let c = 0; c < channels; c++) {
        const value = data[from + c] as number;
        if (!Number.isFinite(value)) return value;
        if (value < (min[c] as number)) min[c] = value;
        if (value > (max[c] as number)) max[c] = value;
      }
      this.#draw(data, from);
    }
    return null;
  }

  /** Reservoir sampling (Vitter, 1985): each row seen has the same chance to be among the drawn. */
  #draw(data: Float32Array, from: number): void {
    const at = this.#seen < this.wanted ? this.#seen : Math.floor(this.#random.unit() * (this.#seen + 1));
    if (at < this.wanted) this.rows[at] = data.slice(from, from + this.channels);
    this.#seen++;
  }
}

/**
 * @param model bound to the samples
 * @param channels by value, the size of its last axis
 * @param rows how many of each value are drawn
 * @throws CompressionError `bad-calibration`, `bad-samples`, `cancelled`
 */
export async function studyChannels(
  model: Model,
  channels: ReadonlyMap<string, number>,
  rows: number,
  feeds: Feeds,
  options: StudyOptions,
): Promise<Map<string, ChannelStudy>> {
  const copy = cloneModel(model);
  const present = new Set(copy.graph.outputs.map((o) => o.name));
  for (const name of channels.keys())
    if (!present.has(name)) copy.graph.outputs.push(tensorInfo(name, 'float32', null));
  const session = await options.createSession(encodeModel(copy), { optimization: 'extended' });
  const studies = new Map([...channels].map(([name, count]) => [name, new ChannelStudy(count, rows)]));
  const look = (values: Record<string, Tensor>): void => {
    for (const [name, study] of studies) {
      const tensor = values[name];
      if (tensor?.dtype !== 'float32') continue;
      const bad = study.add(tensor.data);
      if (bad !== null)
        throw new CompressionError('bad-calibration', `'${name}' takes the value ${bad} on a calibration sample`);
    }
  };
  try {
    const inner = [...channels.keys()].filter((name) => !session.inputNames.includes(name));
    await stream(session, feeds, inner, (fetched, fed) => look({ ...fed, ...fetched }), options);
    return studies;
  } finally {
    await session.release();
  }
}
