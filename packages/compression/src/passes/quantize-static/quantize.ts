/** Static int8 quantization in QDQ form. */
import type { DeviceClass } from '@verge/contracts';
import type { Model } from '@verge/onnx';
import { boundToSamples } from '@verge/training';
import { CompressionError } from '../../errors.js';
import { liftConstants } from '../../graph/lift-constants.js';
import { ask, type Half } from '../../study/ask.js';
import type { StudyOptions } from '../../study/calibrate.js';
import { Feeds } from '../../study/feeds.js';
import { likeness, type Likeness, recordedOutputs } from '../../study/likeness.js';
import type { RangeMethod } from '../../study/ranges.js';
import { addsPairsIn16Bits } from '../../targets/kernel-pairs.js';
import { atLeastOpset } from '../opset.js';
import type { PassContext, PassResult } from '../pass.js';
import { adaptedWeights } from './adaptive.js';
import { AutomaticPrecision, checkKept } from './auto/auto.js';
import { chosenMethod, correctionPays, pairsCostTooMuch, pairsMayCost } from './choose.js';
import { correctBiases, recordedMeans } from './correct-biases.js';
import { floatsBeside } from './floats.js';
import { insertQdq, type InsertResult } from './insert.js';
import { type Ranges, RangeStudy } from './method.js';
import { planQuantization, tieActivations, type QuantizationPlan } from './plan.js';
import { respell } from './respell.js';
import { affineParams, type AffineParams, type QuantizedWeight } from './scale.js';

export interface QuantizeOptions {
  /** 'auto' takes that of 'mse' and 'min-max' with which the outputs are more like the source's. */
  calibration: 'auto' | RangeMethod;
  percentile: number;
  /** Whether a method gives way to min-max where it would be worse on the samples; true unless told otherwise. */
  giveWay?: boolean;
  /** Calibration samples, spread evenly over the training samples. */
  samples: number;
  /** Whether what int8 makes slower or harms too much stays in float32; int8 throughout unless told otherwise. */
  precision?: 'int8' | 'auto';
  /** How far 'auto' lets the outputs go from the source's, see `UnitSensitivity`; 0.1 unless told otherwise. */
  maxDivergence?: number;
  /** Names of nodes with weights that stay in float32. */
  keep?: readonly string[];
  /** Whether biases take back what quantization does to the means of channels, where that helps; true unless told otherwise. */
  biasCorrection?: boolean;
  /** 'adaptive' rounds weights so that what layers give on the samples changes least, where that helps; 'nearest' unless told otherwise. */
  rounding?: 'nearest' | 'adaptive';
}

type Target = Pick<DeviceClass, 'int8Activation' | 'vnni' | 'arch'> & Partial<Pick<DeviceClass, 'threads'>>;

/** The first operator set whose DequantizeLinear has a scale for each channel. */
const ABLE = 13;

/**
 * The plan, and what stays in float32 beside it.
 * @see planQuantization
 * @throws CompressionError `unsuitable-model`
 */
function planned(
  model: Model,
  keep: ReadonlySet<string> = new Set(),
): { plan: QuantizationPlan; declined: PassResult['declined'] } {
  const plan = planQuantization(model, keep);
  const declined = floatsBeside(model, plan);
  if (plan.weighted.length > 0) return { plan, declined };
  const problems = declined.map((d) => `${d.node}: ${d.reason}`);
  throw new CompressionError(
    'unsuitable-model',
    `no Conv, Gemm or MatMul can be quantized${problems.length ? `: ${problems.join('; ')}` : ''}`,
    { problems },
  );
}

/** The model in a form that can be quantized, and how many constants, operator sets and nodes that changed. */
export function quantizable(model: Model): { model: Model; lifted: number; raised: number; respelled: number } {
  const { model: inside, lifted } = liftConstants(model);
  const { model: raisedModel, raised } = atLeastOpset(inside, ABLE, 'a scale for each channel');
  const { model: made, count: respelled } = respell(raisedModel);
  return { model: made, lifted, raised, respelled };
}

/** One way to quantize the model. */
interface Candidate extends InsertResult {
  params: ReadonlyMap<string, AffineParams>;
}

/** Weights that are taken as they are, by their form's key. */
type Settled = Candidate['weights'];

/** A model that was made of one, with how like the source's its outputs are, where that was measured. */
interface Finished {
  model: Model;
  decibels: number | undefined;
  changes: Record<string, number>;
}

/** Parts of the pass's progress: what it has done when the ranges, the choice, the trial of biases, the rounding and the biases are there. */
const SHARES = [0.4, 0.5, 0.6, 0.75, 0.9, 1] as const;

/**
 * Weights symmetric int8 for each output channel, activations 8-bit affine for each tensor, biases int32, calibrated on
 * training samples only. A model of an operator set before 13 is raised to it, which `operatorSetsRaised` counts.
 *
 * Every method but min-max gives way to it twice, unless told otherwise: for a tensor whose values it would render with a larger squared error
 * (`rangesKeptWhole`), and altogether where the model's outputs would be less like the source's (`methodGivenUp`): ranges of half of the
 * calibration samples are compared on the other half, since those that clip fit the samples that they are of. Weights that are to be rounded adaptively are where samples that are held back show a gain (`adaptedWeights`; the others are
 * `adaptationsGivenUp`), and to the nearest levels altogether where the outputs would be less like the source's (`roundingGivenUp`). Corrected
 * biases stay where those from half of the samples make the outputs on the other half more like the source's. `outputDecibels` is the
 * likeness of what is given on all calibration samples, as `likeness` has it, where something was compared.
 * @throws CompressionError `unsuitable-model` when nothing can be quantized, `bad-calibration`, `bad-samples`, `cancelled`
 */
export async function quantizeStatic(
  model: Model,
  options: QuantizeOptions,
  target: Target,
  context: PassContext,
): Promise<PassResult> {
  const { model: able, lifted, raised, respelled } = quantizable(model);
  checkKept(options.keep ?? [], able);
  if (options.precision === 'auto') {
    const how = { maxDivergence: options.maxDivergence ?? 0.1, keep: options.keep ?? [] };
    planned(able, new Set(how.keep));
    const quantizer = (keep: readonly string[], onProgress: (fraction: number) => void): Promise<PassResult> =>
      quantizeStatic(model, { ...options, precision: 'int8', keep }, target, { ...context, onProgress });
    return new AutomaticPrecision(able, { threads: 1, ...target }, context, how, quantizer).run();
  }
  const keep = new Set(options.keep);
  const { plan, declined } = planned(able, keep);
  const groups = tieActivations(plan);
  const bind = (one: Model): Model => boundToSamples(one, context.train, context.ports);
  const bound = bind(able);
  const feeds = new Feeds(bound, context.train, options.samples, true);
  let reached = 0;
  const study = (part: number): StudyOptions => ({
    createSession: context.createSession,
    signal: context.signal,
    onProgress: (fraction) => {
      const from = part === 0 ? 0 : (SHARES[part - 1] as number);
      reached = Math.max(reached, from + fraction * ((SHARES[part] as number) - from));
      context.onProgress?.(reached);
    },
  });
  const measured = (some: readonly Pick<Candidate, 'model'>[], part: number, half?: Half): Promise<Likeness[]> =>
    likeness(
      bound,
      outputs,
      some.map((one) => bind(one.model)),
      feeds,
      { ...study(part), half },
    );

  const weights = new Map<string, QuantizedWeight>();
  const insert = (
    source: Model,
    params: ReadonlyMap<string, AffineParams>,
    narrow: boolean,
    settled?: Settled,
  ): Candidate => ({
    ...insertQdq(source, planQuantization(source, keep), params, {
      narrow,
      made: weights,
      ...(settled && { settled }),
    }),
    params,
  });
  const byRanges = (ranges: Ranges, narrow: boolean): Candidate => {
    const own = [...ranges.values()];
    const params = [...groups].map(
      ([name, group]) => [name, affineParams(ranges.get(group)!, target.int8Activation)] as const,
    );
    const made = insert(able, new Map(params), narrow);
    const rangesClipped = own.filter((r) => r.clips).length;
    const rangesKeptWhole = own.filter((r) => r.kept).length;
    return { ...made, changes: { ...made.changes, rangesClipped, rangesKeptWhole } };
  };

  const correct = options.biasCorrection ?? true;
  const outputs = recordedOutputs();
  const { means, finite } = recordedMeans(bound, plan);
  const ranges = new RangeStudy(methodsOf(options), groups, options, correct ? finite : undefined);
  await ask(bound, [...ranges.questions, outputs, ...(correct ? [means] : [])], feeds, study(0));

  /** With the biases that the quantized model needs; null where they are what it has. */
  const withBiases = async (one: Candidate, narrow: boolean, how: StudyOptions, settled?: Settled) => {
    const quantized = { ...one, model: bind(one.model) };
    const { source, channels } = await correctBiases(bound, means, able, quantized, plan, feeds, how);
    return channels === 0 ? null : { ...insert(source, one.params, narrow, settled), channels };
  };

  // What is decided is tried on half of the samples with what the other half gave: ranges that clip, and means, fit the samples that they are of.
  const tried = (method: RangeMethod, narrow: boolean): Candidate => byRanges(ranges.by(method, 'first'), narrow);
  const held = (some: readonly Candidate[], part: number): Promise<Likeness[]> => measured(some, part, 'second');
  // Products of 8 bits overflow in pairs in 16 bits on x64 without VNNI, those of int8 activations too, which ONNX Runtime turns into uint8
  // there. No file does, whatever class it is for, so that it says the same wherever it runs, unless that would cost too much
  // where the class adds in 32 bits.
  const methods = ranges.different();
  const known = methods.at(-1) as RangeMethod;
  const proof = tried(known, true);
  const overflowing = addsPairsIn16Bits(target) ? 0 : (proof.changes['narrowedChannels'] ?? 0);
  const ofProof = methods.length > 1 || overflowing > 0 ? (await held([proof], 1))[0]! : null;
  const plain = overflowing > 0 && pairsMayCost(ofProof!) ? tried(known, false) : null;
  const ofPlain = plain ? (await held([plain], 1))[0]! : null;
  const asPlain = ofPlain !== null && pairsCostTooMuch(ofProof!, ofPlain);
  const others = methods.slice(0, -1).map((method) => tried(method, !asPlain));
  const all = [...others, asPlain ? plain! : proof];
  const likenesses = [...(await held(others, 1)), asPlain ? ofPlain : ofProof];
  const chosen = chosenMethod(likenesses as Likeness[], correct);
  const [method, trial, before] = [methods[chosen]!, all[chosen]!, likenesses[chosen]?.decibels];
  const biased = correct ? await withBiases(trial, !asPlain, { ...study(2), half: 'first' }) : null;
  const both = biased ? await held(before === undefined ? [biased, trial] : [biased], 2) : [];
  const correcting = biased !== null && correctionPays(before ?? both[1]!.decibels, both[0]!.decibels);

  const best = byRanges(ranges.by(method), !asPlain);
  const notes: string[] = [];
  if (asPlain) {
    best.changes['channelsThatMayOverflow'] = overflowing;
    notes.push(
      `on x64 without VNNI sums in ${overflowing} channels may overflow 16 bits, which changes answers: a class without VNNI gets a file that cannot`,
    );
  }
  const changes: Record<string, number> = { ...best.changes };
  if (methods.length > 1 && method === 'min-max') changes['methodGivenUp'] = 1;
  if (biased && !correcting) changes['correctionGivenUp'] = 1;
  if (biased) changes['correctedChannels'] = 0;

  /** With biases corrected, where that pays; `parts` of the progress are the correction's and the comparison's. */
  const finish = async (one: Candidate, parts: readonly [number, number], settled?: Settled): Promise<Finished> => {
    const corrected = correcting ? await withBiases(one, !asPlain, study(parts[0]), settled) : null;
    const { model } = corrected ?? one;
    const compared = before !== undefined || biased !== null || settled !== undefined;
    const decibels = compared ? (await measured([{ model }], parts[1]))[0]!.decibels : undefined;
    return { model, decibels, changes: corrected ? { correctedChannels: corrected.channels } : {} };
  };
  /** The weights rounded adaptively, unless the outputs are more like the source's without. */
  const adaptively = async (): Promise<Finished> => {
    const how = { narrow: !asPlain, biasesFollow: correct };
    const { left, ...adapted } = await adaptedWeights(bound, able, plan, best, best.params, how, feeds, study(3));
    declined.push(...left);
    const done = { adaptedWeights: adapted.layers, adaptationsGivenUp: adapted.givenUp, exactWeights: adapted.exact };
    if (adapted.layers === 0) {
      const plainly = await finish(best, [4, 5]);
      return { ...plainly, changes: { ...done, ...plainly.changes } };
    }
    const made = insert(able, best.params, !asPlain, adapted.weights);
    const both = [await finish(made, [4, 4], adapted.weights), await finish(best, [5, 5])] as const;
    for (const one of both) one.decibels ??= (await measured([one], 5))[0]!.decibels;
    const pays = both[0].decibels! > both[1].decibels!;
    const counts: Record<string, number> = pays ? done : { adaptedWeights: 0, roundingGivenUp: 1 };
    const taken = both[pays ? 0 : 1];
    return { ...taken, changes: { ...counts, ...taken.changes } };
  };
  const finished = options.rounding === 'adaptive' ? await adaptively() : await finish(best, [4, 5]);
  Object.assign(changes, finished.changes);
  if (finished.decibels !== undefined) changes['outputDecibels'] = rounded(finished.decibels);
  if (lifted > 0) changes['constantsLifted'] = lifted;
  if (raised > 0) changes['operatorSetsRaised'] = raised;
  if (respelled > 0) changes['nodesRespelled'] = respelled;
  if (feeds.leftOut > 0) changes['samplesLeftOut'] = feeds.leftOut;
  return { model: finished.model, changes, declined, ...(notes.length > 0 && { notes }) };
}

/** The methods to compare; the first is the one that was asked for. */
function methodsOf({ calibration, giveWay = true }: QuantizeOptions): RangeMethod[] {
  if (calibration === 'auto') return ['mse', 'min-max'];
  return calibration === 'min-max' || !giveWay ? [calibration] : [calibration, 'min-max'];
}

const rounded = (decibels: number): number => Math.round(decibels * 100) / 100;
