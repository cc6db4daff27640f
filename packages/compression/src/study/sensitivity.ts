/**
 * How far the outputs of a model move when one part of it is treated. Only running it tells: the error of the weights ranks layers
 * no better than a coin with a slight bias (rank correlation 0.5 with what held-out samples show).
 */
import type { Fidelity } from '@verge/contracts';
import type { Samples } from '@verge/data';
import { type Model, type SessionFactory, storedBytes } from '@verge/onnx';
import { measureQuality, openSubject, type PortOptions, type QualityOptions, type Subject } from '@verge/training';
import { checkCancelled, CompressionError } from '../errors.js';
import type { StreamOptions } from './stream.js';

/** Samples that suffice: more of them hardly change the ranking. */
export const SENSITIVITY_SAMPLES = 64;

/** Weights of the models that are open at a time. */
const OPEN_BYTES = 2 ** 28;
const MOST_OPEN = 16;

/** A model with something done to it, made when its turn comes. */
export interface Treated {
  readonly unit: string;
  make(): Model;
}

export interface UnitSensitivity {
  readonly unit: string;
  /**
   * What the treatment does to the outputs: the mean Kullback-Leibler divergence in nats of those that are scores of classes, noise over signal
   * of numbers, the share of other labels; the mean over the outputs. Infinity where the treated model gives no numbers.
   */
  readonly divergence: number;
  /**
   * What to order units by: as `divergence`, but of classes the square of the mean root, which a few samples sway less. It ranks units as the
   * divergence of other samples does, from fewer of them.
   */
  readonly rank: number;
}

export interface SensitivityOptions extends StreamOptions {
  createSession: SessionFactory;
  ports?: PortOptions | undefined;
  /** What the model is for, where it is known: it decides whether numbers are scores of classes. */
  task?: QualityOptions['task'];
  /** Whether the models run as this machine fuses them; else each Quantize and Dequantize as it is written. */
  fused?: boolean;
}

/**
 * @see UnitSensitivity.divergence
 * @param klOf another divergence of the classes of an output than the mean
 */
export function divergenceOf(outputs: readonly Fidelity[], klOf?: (output: string) => number | undefined): number {
  const each = outputs.map(({ output, problem, reads, kl, sqnrDb, agreement }) => {
    if (problem !== null) return Infinity;
    if (reads === 'classes') return klOf?.(output) ?? kl ?? Infinity;
    if (reads === 'labels') return agreement === null ? Infinity : 1 - agreement;
    return sqnrDb === null ? Infinity : 10 ** (-sqnrDb / 10);
  });
  return each.length === 0 ? 0 : each.reduce((a, b) => a + b, 0) / each.length;
}

/**
 * Runs the source and treated models side by side over the samples, as many at a time as may be held.
 * @returns in the order given
 * @throws CompressionError `cancelled`, `bad-samples` without a sample
 */
export async function studySensitivity(
  source: Model,
  treated: readonly Treated[],
  samples: Samples,
  options: SensitivityOptions,
): Promise<UnitSensitivity[]> {
  if (samples.y.length === 0) throw new CompressionError('bad-samples', 'there is no sample to study a model on');
  const each = Math.max(1, Math.min(MOST_OPEN, Math.floor(OPEN_BYTES / Math.max(1, storedBytes(source)))));
  const found: UnitSensitivity[] = [];
  const reference = await opened(source, options);
  try {
    for (let at = 0; at < treated.length; at += each) {
      const part = treated.slice(at, at + each);
      const divergences = await compared(reference, part, samples, {
        ...options,
        onProgress: (fraction) => options.onProgress?.((at + fraction * part.length) / treated.length),
      });
      part.forEach(({ unit }, k) => found.push({ unit, ...divergences[k]! }));
    }
  } finally {
    await reference.session.release();
  }
  return found;
}

/** One copy of a model in memory at a time: the session keeps its own. */
function opened(model: Model, { createSession, fused = false }: SensitivityOptions): Promise<Subject> {
  return openSubject(model, (bytes, how) => createSession(bytes, { ...how, quantizeAsWritten: !fused }));
}

async function compared(
  reference: Subject,
  part: readonly Treated[],
  samples: Samples,
  options: SensitivityOptions,
): Promise<Omit<UnitSensitivity, 'unit'>[]> {
  const { ports, task, signal, onProgress } = options;
  const subjects: Subject[] = [];
  try {
    for (const { make } of part) {
      checkCancelled(signal);
      subjects.push(await opened(make(), options));
    }
    const assessed = await measureQuality([reference, ...subjects], samples, {
      ...ports,
      ...(task && { task }),
      ...(signal && { signal }),
      batchSize: 16,
      onProgress: (done, total) => onProgress?.(done / total),
    });
    return assessed.slice(1).map(({ fidelity, typicalKl }) => ({
      divergence: divergenceOf(fidelity),
      rank: divergenceOf(fidelity, (output) => typicalKl.get(output)),
    }));
  } catch (error) {
    checkCancelled(signal);
    throw error;
  } finally {
    await Promise.all(subjects.map(({ session }) => session.release()));
  }
}
