/** What each channel of activations is like on samples: its range, and some whole rows. */
import { Random } from '@verge/data';
import { openModel, tensorInfo, type Model, type Tensor } from '@verge/onnx';
import { CompressionError } from '../errors.js';
import { cloneModel } from '../graph/index-of-values.js';
import type { StudyOptions } from './calibrate.js';
import type { Feeds } from './feeds.js';
import { stream } from './stream.js';

export interface ChannelRange {
  readonly min: Float64Array;
  readonly max: Float64Array;
}

const emptyRange = (channels: number): ChannelRange => ({
  min: new Float64Array(channels).fill(Infinity),
  max: new Float64Array(channels).fill(-Infinity),
});

/**
 * Rows for trials come from every second sample, so that a trial can take its ranges from the others: what the samples of a range do not
 * reach, others do.
 */
export class ChannelStudy {
  readonly all: ChannelRange;
  /** Of the samples that no trial rows come from. */
  readonly seen: ChannelRange;
  readonly #rows: [seen: Float32Array[], held: Float32Array[]] = [[], []];
  readonly #counts: [number, number] = [0, 0];
  #samples = 0;
  readonly #random = new Random(1);

  constructor(
    readonly channels: number,
    private readonly wanted: number,
  ) {
    this.all = emptyRange(channels);
    this.seen = emptyRange(channels);
  }

  /** Rows drawn evenly from the samples that are held back; from all there is where there is one sample. */
  get rows(): readonly Float32Array[] {
    const [seen, held] = this.#rows;
    return held.length > 0 ? held : seen;
  }

  /**
   * @param samples how many the data holds, one after the other
   * @returns a value that is not finite, or null
   */
  add(data: Float32Array, samples: number): number | null {
    const { channels } = this;
    const rows = data.length / channels;
    for (let row = 0; row < rows; row++) {
      const held = (this.#samples + Math.floor((row * samples) / rows)) % 2 === 1;
      const from = row * channels;
      for (let c = 0; c < channels; c++) if (!Number.isFinite(data[from + c])) return data[from + c] as number;
      widen(this.all, data, from);
      if (!held) widen(this.seen, data, from);
      this.#draw(data, from, held ? 1 : 0);
    }
    this.#samples += samples;
    return null;
  }

  /** Reservoir sampling (Vitter, 1985): each row seen has the same chance to be among the drawn. */
  #draw(data: Float32Array, from: number, part: 0 | 1): void {
    const count = this.#counts[part]++;
    const at = count < this.wanted ? count : Math.floor(this.#random.unit() * (count + 1));
    if (at < this.wanted) this.#rows[part][at] = data.slice(from, from + this.channels);
  }
}

function widen({ min, max }: ChannelRange, data: Float32Array, from: number): void {
  for (let c = 0; c < min.length; c++) {
    const value = data[from + c] as number;
    if (value < (min[c] as number)) min[c] = value;
    if (value > (max[c] as number)) max[c] = value;
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
  const session = await openModel(options.createSession, copy, { optimization: 'extended' });
  const studies = new Map([...channels].map(([name, count]) => [name, new ChannelStudy(count, rows)]));
  const look = (values: Record<string, Tensor>): void => {
    for (const [name, study] of studies) {
      const tensor = values[name];
      if (tensor?.dtype !== 'float32') continue;
      const bad = study.add(tensor.data, tensor.dims[0] ?? 1);
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
