/**
 * int8 where it is faster on this machine and harms the outputs little; float32 elsewhere. Without a measured time, on another
 * architecture than the target's, quality alone decides.
 */
import type { DeviceClass, UnitReport } from '@verge/contracts';
import type { Model } from '@verge/onnx';
import { CompressionError } from '../../../errors.js';
import { nodeName } from '../../../graph/index-of-values.js';
import { studySensitivity, type SensitivityOptions } from '../../../study/sensitivity.js';
import type { PassContext, PassResult } from '../../pass.js';
import type { Kept } from './mixtures.js';
import { planQuantization } from '../plan.js';
import { nearEnough } from './quality.js';
import { type Clock, fastest, inTurns, type Timed } from './timing.js';
import { Variants } from './variants.js';

type Target = Pick<DeviceClass, 'int8Activation' | 'vnni' | 'arch' | 'threads'>;

/** Shares of the pass's progress: times, then the first whole plan, then what quality asks for. */
const SHARES = { times: 0.3, plan: 0.6, quality: 0.9 } as const;
/** More nodes are taken into float32 so many times where a whole plan is not near enough yet. */
const TRIES = 3;

/** Quantizes whole, with these nodes in float32. */
export type Quantizer = (keep: readonly string[], onProgress: (fraction: number) => void) => Promise<PassResult>;

interface Whole {
  readonly keep: Kept;
  readonly result: PassResult;
  readonly divergence: number;
}

export class AutomaticPrecision {
  readonly #variants: Variants;
  readonly #clock: Clock | null;
  readonly #fixed: ReadonlySet<string>;
  readonly #notes: string[] = [];
  #timed: Timed | null = null;
  #divergences: ReadonlyMap<number, number> = new Map();

  /**
   * @param able in an operator set that can be quantized
   * @param keep names of nodes that stay in float32 whatever is found
   */
  constructor(
    readonly able: Model,
    readonly target: Target,
    readonly context: PassContext,
    readonly options: { maxDivergence: number; keep: readonly string[] },
    readonly quantize: Quantizer,
  ) {
    const { benchmark, timeKernels, ports, signal, train } = context;
    this.#variants = new Variants(able, train, target, ports);
    this.#fixed = new Set(options.keep);
    const here = process.arch === target.arch && benchmark && timeKernels;
    this.#clock = here ? { benchmark, timeKernels, threads: target.threads, ports, signal } : null;
  }

  async run(): Promise<PassResult> {
    await this.#variants.calibrate(this.#study());
    if (this.#clock) this.#timed = await fastest(this.#variants, this.#clock);
    else this.#notes.push(this.#untimed());
    this.#progress(SHARES.times);
    const first = await this.#whole(this.#withFixed(this.#timed?.keep ?? new Set()), SHARES.times, SHARES.plan);
    const near = await this.#near(first);
    const last = await this.#neverSlower(near, first);
    this.#progress(1);
    return this.#reported(last, first);
  }

  #untimed(): string {
    const why =
      process.arch === this.target.arch
        ? 'nothing here measures the time of its kernels: this machine may have other 8-bit instructions'
        : `this machine is ${process.arch}, the target ${this.target.arch}`;
    return `latency is to be measured on the device (${why}): quality alone decided what stays in float32`;
  }

  #withFixed(keep: Kept): Kept {
    return new Set([...keep, ...this.#variants.places.filter((at) => this.#fixed.has(this.#variants.name(at)))]);
  }

  #progress(fraction: number): void {
    this.context.onProgress?.(fraction);
  }

  #study(from = 0, to = 0): SensitivityOptions {
    const { createSession, ports, task, signal } = this.context;
    const onProgress = to > from ? (f: number): void => this.#progress(from + f * (to - from)) : undefined;
    return { createSession, ports, ...(task && { task }), signal, onProgress };
  }

  async #whole(keep: Kept, from: number, to: number): Promise<Whole> {
    const { places } = this.#variants;
    if (places.every((place) => keep.has(place)))
      return { keep, result: { model: this.able, changes: {}, declined: [] }, divergence: 0 };
    const names = [...keep].map((place) => this.#variants.name(place));
    const result = await this.quantize(names, (fraction) => this.#progress(from + fraction * (to - from)));
    return { keep, result, divergence: await this.#divergence(result.model) };
  }

  /** As the target computes it; and as this machine does, where that is of the target's kind: a fusion gone wrong shows there. */
  async #divergence(model: Model): Promise<number> {
    const treated = [{ unit: 'all', make: () => model }];
    const ways = this.#clock ? [false, true] : [false];
    const found: number[] = [];
    for (const fused of ways) {
      const [one] = await studySensitivity(this.able, treated, this.#variants.samples, { ...this.#study(), fused });
      found.push(one!.divergence);
    }
    return Math.max(...found);
  }

  async #quick(keep: Kept): Promise<number> {
    const treated = [{ unit: 'all', make: () => this.#variants.with(keep) }];
    const [found] = await studySensitivity(this.#variants.source, treated, this.#variants.samples, this.#study());
    return found!.divergence;
  }

  /** A plan within the divergence that is allowed: a quickly made one foretells how many nodes that takes. */
  async #near(first: Whole): Promise<Whole> {
    const { maxDivergence } = this.options;
    let best = first;
    if (first.divergence <= maxDivergence) return best;
    // Corrected biases and better ranges make the whole plan better than the quick one by a factor.
    let allowed = (maxDivergence * (await this.#quick(first.keep))) / first.divergence;
    if (!Number.isFinite(allowed)) allowed = maxDivergence;
    for (let tried = 0; tried < TRIES && best.divergence > maxDivergence; tried++) {
      const study = this.#study(SHARES.plan, SHARES.quality);
      const { keep, divergences } = await nearEnough(this.#variants, first.keep, allowed, study);
      this.#divergences = divergences;
      const next = await this.#whole(keep, SHARES.quality, SHARES.quality);
      if (next.divergence < best.divergence) best = next;
      allowed /= 2;
    }
    return best;
  }

  /** What quality asked for is no plan where float32 is faster than it, and better. */
  async #neverSlower(near: Whole, first: Whole): Promise<Whole> {
    if (!this.#clock || near === first) return near;
    const float32 = new Set(this.#variants.places);
    const models = [float32, near.keep].map((keep) => this.#variants.with(keep));
    const [floatMs, nearMs] = (await inTurns(models, this.#variants, this.#clock)) as [number, number];
    if (nearMs <= floatMs) return near;
    this.#notes.push(
      `what is near enough to the source in int8 takes ${nearMs.toFixed(4)} ms, all in float32 ${floatMs.toFixed(4)} ms: nothing is quantized`,
    );
    return this.#whole(float32, 1, 1);
  }

  #reported({ keep, result, divergence }: Whole, first: Whole): PassResult {
    const units = this.#variants.places.map((place) => this.#unit(place, keep, first.keep));
    const float32Units = units.filter((unit) => unit.precision === 'float32').length;
    const notes = [...(result.notes ?? []), ...this.#notes];
    if (this.#timed) {
      const { float32Ms, int8Ms, keepMs } = this.#timed;
      notes.push(
        `measured in turns, ${this.target.threads} thread(s): all in float32 ${float32Ms.toFixed(4)} ms, all in int8 ${int8Ms.toFixed(4)} ms, by time ${keepMs.toFixed(4)} ms`,
      );
    }
    if (divergence > this.options.maxDivergence)
      notes.push(`the outputs diverge by ${divergence.toPrecision(3)}, more than ${this.options.maxDivergence}`);
    return { ...result, changes: { ...result.changes, float32Units }, notes, units };
  }

  #unit(place: number, keep: Kept, byTime: Kept): UnitReport {
    const both = this.#timed?.latency.of(place) ?? null;
    const node = this.#variants.name(place);
    const precision = keep.has(place) ? ('float32' as const) : ('int8' as const);
    return {
      ...{ node, precision, int8Ms: both?.int8 ?? null, float32Ms: both?.float32 ?? null },
      divergence: this.#divergences.get(place) ?? null,
      reason: this.#reason(place, precision, both, byTime),
    };
  }

  #reason(
    place: number,
    precision: UnitReport['precision'],
    both: { int8: number; float32: number } | null,
    byTime: Kept,
  ): string {
    const faster = both && both.int8 < both.float32 ? 'int8' : 'float32';
    if (precision === 'float32') {
      if (this.#fixed.has(this.#variants.name(place))) return 'the recipe keeps it';
      if (!byTime.has(place)) return 'int8 here costs more quality than is allowed';
      return faster === 'float32'
        ? 'int8 takes longer here'
        : 'int8 is faster here, but not by what converting from and to its neighbours takes';
    }
    if (!both) return 'int8 by quality; its time is to be measured on the device';
    return faster === 'int8'
      ? 'int8 is faster here'
      : 'float32 is faster here, but not by what converting from and to its neighbours takes';
  }
}

/** @throws CompressionError `bad-recipe` naming every node that is not there, or has no weights that could be quantized */
export function checkKept(keep: readonly string[], model: Model): void {
  if (keep.length === 0) return;
  const { weighted, declined } = planQuantization(model);
  const known = new Set([...weighted.map(({ node }) => nodeName(node)), ...declined.map(({ node }) => node)]);
  const nodes = new Map(model.graph.nodes.map((node) => [nodeName(node), node]));
  const problems = keep
    .filter((name) => !known.has(name))
    .map((name) => {
      const node = nodes.get(name);
      if (!node) return `keep: there is no node '${name}'`;
      return `keep: '${name}' (${node.op}) has no weights, and follows its neighbours; expected a node with weights`;
    });
  if (problems.length > 0) throw new CompressionError('bad-recipe', problems.join('; '), { problems });
}
