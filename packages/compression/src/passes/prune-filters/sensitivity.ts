/** What it costs the outputs to take channels from one space alone, and what that saves. */
import type { ChannelSensitivity } from '@verge/contracts';
import type { Model } from '@verge/onnx';
import { removalOf, withoutChannels, type Dependencies } from '../../graph/dependencies.js';
import type { Space } from '../../graph/spaces.js';
import { SENSITIVITY_SAMPLES, studySensitivity } from '../../study/sensitivity.js';
import { spread } from '../../study/spread.js';
import type { PassContext } from '../pass.js';
import { macsOf, ratesByNode, type TimedTarget, workByNode } from './costs.js';
import { withMaskedChannels } from './masked.js';
import { largestIndices } from './select.js';
import type { Curve } from './allocation.js';

/** Shares of a space that are masked, as near as whole blocks come to them. */
const SHARES = [0.25, 0.5, 0.75];

export interface Studied {
  readonly curves: readonly Curve[];
  readonly report: ChannelSensitivity[];
}

/** What a removal is to save. */
export type Saving = 'filters' | 'macs' | 'latency';

interface Ranking {
  readonly dependencies: Dependencies;
  readonly spaces: readonly Space[];
  readonly scores: readonly Float64Array[];
  readonly steps: readonly number[];
  /** What each space is called. */
  readonly keys: readonly string[];
}

/** How many classes go from a space: whole blocks, and never all. */
function countsOf({ classes }: Space, step: number): number[] {
  const all = classes.length;
  const kept = SHARES.map((share) => Math.min(all, Math.ceil((all * (1 - share)) / step - 1e-9) * step));
  return [...new Set(kept)].map((count) => all - count).filter((gone) => gone > 0);
}

class Study {
  readonly #all: Int32Array[];

  constructor(
    readonly ranking: Ranking,
    readonly context: PassContext,
  ) {
    this.#all = ranking.spaces.map(({ classes }) => Int32Array.from(classes, (_, i) => i));
  }

  /** Without so many classes of one space, those of least importance. */
  #keep(s: number, gone: number): Int32Array[] {
    const scores = this.ranking.scores[s] as Float64Array;
    return this.#all.with(s, largestIndices(scores, scores.length - gone));
  }

  masked(s: number, gone: number): Model {
    const { dependencies, spaces } = this.ranking;
    return withMaskedChannels(dependencies, removalOf(dependencies, spaces, this.#keep(s, gone)));
  }

  cut(s: number, gone: number): Model {
    const { dependencies, spaces } = this.ranking;
    return withoutChannels(dependencies, removalOf(dependencies, spaces, this.#keep(s, gone)));
  }

  /** What a whole space would save, from what a part of it does. */
  async savings(saving: Saving, target: TimedTarget | undefined): Promise<number[]> {
    const { spaces, steps, dependencies } = this.ranking;
    const { model } = dependencies;
    if (saving === 'filters') return spaces.map(({ classes, width }) => classes.length * width);
    const rates = saving === 'latency' && target ? await ratesByNode(model, this.context, target) : null;
    const before = rates && workByNode(model, this.context);
    const macs = rates ? null : macsOf(model, this.context);
    return spaces.map((space, s) => {
      const gone = countsOf(space, steps[s] as number).at(-1) ?? 0;
      if (gone === 0) return 0;
      const cut = this.cut(s, gone);
      const whole = space.classes.length / gone;
      if (!rates || !before) return whole * ((macs ?? 0) - (macsOf(cut, this.context) ?? 0));
      const after = workByNode(cut, this.context);
      const saved = [...rates].map(([name, rate]) => rate * ((before.get(name) ?? 0) - (after.get(name) ?? 0)));
      return whole * saved.reduce((a, b) => a + b, 0);
    });
  }
}

/**
 * Masks some channels of one space at a time, those of least importance, and compares the outputs with the model's: on at most 64 samples, with
 * no labels.
 * @param saving what a removal is to save, for the curves
 * @throws CompressionError `cancelled`, `bad-samples` without a sample
 */
export async function studySpaces(
  ranking: Ranking,
  saving: Saving,
  context: PassContext,
  target: TimedTarget | undefined,
): Promise<Studied> {
  const { spaces, steps, keys, dependencies } = ranking;
  const study = new Study(ranking, context);
  const trials = spaces.flatMap((space, s) => countsOf(space, steps[s] as number).map((gone) => ({ s, gone })));
  const { createSession, ports, task, signal, onProgress, train } = context;
  const found = await studySensitivity(
    dependencies.model,
    trials.map(({ s, gone }) => ({ unit: keys[s] as string, make: () => study.masked(s, gone) })),
    spread(train, SENSITIVITY_SAMPLES),
    { createSession, ports, ...(task && { task }), signal, onProgress, fused: true },
  );
  const of = (s: number): { gone: number; divergence: number; rank: number }[] =>
    trials.flatMap((trial, i) => (trial.s === s ? [{ gone: trial.gone, ...found[i]! }] : []));
  const savings = await study.savings(saving, target);
  return {
    curves: spaces.map(({ classes }, s) => ({
      points: of(s).map(({ gone, rank }) => [gone / classes.length, rank] as const),
      saves: Math.max(0, savings[s] as number),
    })),
    report: spaces.map(({ classes, width }, s) => ({
      node: keys[s] as string,
      channels: Math.round(classes.length * width),
      points: of(s).map(({ gone, divergence }) => ({
        removed: Math.round(gone * width),
        divergence: Number.isFinite(divergence) ? divergence : null,
      })),
    })),
  };
}
