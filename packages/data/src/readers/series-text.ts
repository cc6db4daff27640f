/**
 * The text format of the UEA and UCR time series archive (`.ts`): a header of `@` lines, then one case a line, channels
 * separated by colons, values by commas, the class last. https://www.aeon-toolkit.org (data format "ts").
 */
import { DataError } from '../errors.js';
import { overflow } from './cells.js';

export interface SeriesHeader {
  readonly channels: number | null;
  /** Steps of every series, where all are equally long and the header says how long. */
  readonly steps: number | null;
  /** Classes in the header's order. */
  readonly labels: readonly string[];
}

/** One case: [steps, channels] row-major, NaN where a value is missing. */
export interface SeriesCase {
  readonly values: Float32Array;
  readonly steps: number;
  readonly channels: number;
  readonly label: string;
  readonly missing: number;
}

/** The header's lines by lower-case name, `@` taken off. */
export class SeriesHeaderLines {
  readonly #fields = new Map<string, string[]>();

  /** @returns false at `@data`, which ends the header */
  add(text: string): boolean {
    const [name = '', ...values] = text.trim().slice(1).split(/\s+/);
    const key = name.toLowerCase();
    if (key === 'data') return false;
    // Both spellings occur in the archive.
    this.#fields.set(key === 'dimension' ? 'dimensions' : key, values);
    return true;
  }

  /** @throws DataError `malformed` naming everything that is wrong in it */
  finish(path: string): SeriesHeader {
    const problems: string[] = [];
    const flag = (name: string): boolean => this.#fields.get(name)?.[0]?.toLowerCase() === 'true';
    const whole = (name: string): number | null => {
      const value = this.#fields.get(name)?.[0];
      if (value === undefined) return null;
      if (/^[1-9][0-9]{0,8}$/.test(value)) return Number(value);
      problems.push(`@${name} is '${value.slice(0, 40)}', expected a whole number from 1`);
      return null;
    };
    if (flag('timestamps')) problems.push('@timeStamps is true; only series of values without time stamps are read');
    if (flag('targetlabel')) problems.push('@targetLabel is true; only series with a class are read');
    const labels = flag('classlabel') ? (this.#fields.get('classlabel') ?? []).slice(1) : [];
    if (labels.length === 0) problems.push('@classLabel true with the names of the classes is missing');
    if (new Set(labels).size !== labels.length) problems.push('@classLabel names a class twice');
    const dimensions = whole('dimensions');
    if (flag('univariate') && dimensions !== null && dimensions !== 1)
      problems.push(`@univariate is true, but @dimensions is ${dimensions}`);
    const length = whole('serieslength');
    if (problems.length > 0) throw new DataError('malformed', `'${path}': ${problems.join('; ')}`, { problems });
    return {
      channels: flag('univariate') ? 1 : dimensions,
      steps: this.#fields.get('equallength')?.[0]?.toLowerCase() === 'false' ? null : length,
      labels,
    };
  }
}

const isMissing = (cell: string): boolean => cell === '?' || cell.toLowerCase() === 'nan';

/** One channel's values, or what is wrong with it. */
function channelOf(text: string, channel: number): { values: Float32Array; missing: number } | string {
  const cells = text.split(',');
  const values = new Float32Array(cells.length);
  let missing = 0;
  for (let i = 0; i < cells.length; i++) {
    const cell = (cells[i] as string).trim();
    const value = cell === '' ? NaN : Number(cell);
    values[i] = value;
    if (Number.isFinite(values[i])) continue;
    if (Number.isFinite(value)) return `step ${i} of channel ${channel}: ${overflow(value)}`;
    if (!isMissing(cell)) return `step ${i} of channel ${channel} is '${cell.slice(0, 40)}', expected a number`;
    values[i] = NaN;
    missing++;
  }
  return { values, missing };
}

/** @returns the case, or what is wrong with the line */
export function parseCase(text: string, header: SeriesHeader): SeriesCase | string {
  const fields = text.split(':');
  const label = (fields.pop() as string).trim();
  if (!header.labels.includes(label)) return `the class '${label.slice(0, 40)}' is not in the header`;
  const channels = fields.length;
  if (channels === 0) return 'there is no channel before the class';
  if (header.channels !== null && channels !== header.channels)
    return `${channels} channels, the header says ${header.channels}`;
  const found: Float32Array[] = [];
  let missing = 0;
  for (const [channel, field] of fields.entries()) {
    const parsed = channelOf(field, channel);
    if (typeof parsed === 'string') return parsed;
    found.push(parsed.values);
    missing += parsed.missing;
  }
  const steps = (found[0] as Float32Array).length;
  const odd = found.findIndex((values) => values.length !== steps);
  if (odd >= 0) return `channel ${odd} has ${found[odd]?.length} steps, channel 0 has ${steps}`;
  if (header.steps !== null && steps !== header.steps) return `${steps} steps, the header says ${header.steps}`;
  const values = new Float32Array(steps * channels);
  found.forEach((channel, c) => channel.forEach((value, t) => (values[t * channels + c] = value)));
  return { values, steps, channels, label, missing };
}

/**
 * Puts values where they are missing: a number, or with 'hold' the channel's last value before (its first one after,
 * where there is none before; 0 where the channel has no value at all).
 */
export function fillMissing({ values, steps, channels }: SeriesCase, fill: number | 'hold'): void {
  for (let c = 0; c < channels; c++) {
    let last = fill === 'hold' ? 0 : fill;
    for (let t = steps - 1; fill === 'hold' && t >= 0; t--) {
      const value = values[t * channels + c] as number;
      if (!Number.isNaN(value)) last = value;
    }
    for (let t = 0; t < steps; t++) {
      const at = t * channels + c;
      if (Number.isNaN(values[at])) values[at] = last;
      else if (fill === 'hold') last = values[at] as number;
    }
  }
}
