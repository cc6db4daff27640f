/** Learning rate over time. */
interface WarmUp {
  /** Epochs (fractions allowed) of linear rise from 0 to the peak. */
  readonly warmupEpochs?: number;
}

interface Final {
  /** Final learning rate as a fraction of the peak; 0 when absent. */
  readonly finalFraction?: number;
}

export type ScheduleSpec = WarmUp &
  (
    | { readonly name: 'constant' }
    /** Half a cosine from the peak to the final fraction (Loshchilov and Hutter, arXiv:1608.03983, without restarts). */
    | ({ readonly name: 'cosine' } & Final)
    /** Multiplied by `factor` after every `everyEpochs` epochs, or after each of the `milestones` (epochs). */
    | {
        readonly name: 'step';
        readonly factor?: number;
        readonly everyEpochs?: number;
        readonly milestones?: readonly number[];
      }
    /** Multiplied by `factor` after each epoch. */
    | { readonly name: 'exponential'; readonly factor: number }
    /** (1 - progress)^power from the peak to the final fraction; a straight line when `power` is absent. */
    | ({ readonly name: 'polynomial'; readonly power?: number } & Final)
    /**
     * From `startFraction` up to the peak over `riseFraction` of the run, then down to `finalFraction`
     * (Smith and Topin, arXiv:1708.07120). The momentum stays as it is.
     */
    | {
        readonly name: 'one-cycle';
        /** 0.3 when absent. */
        readonly riseFraction?: number;
        /** 1/25 when absent. */
        readonly startFraction?: number;
        /** 1/250,000 when absent. */
        readonly finalFraction?: number;
        readonly shape?: 'cosine' | 'linear';
      }
    /** Multiplied by `factor` when the watched figure has not fallen for a while; see `nextPlateau`. */
    | ({ readonly name: 'plateau' } & PlateauSettings)
  );

export type ScheduleName = ScheduleSpec['name'];

export interface PlateauSettings {
  /** 0.1 when absent. */
  readonly factor?: number;
  /** Epochs without improvement that are let pass; 10 when absent. */
  readonly patience?: number;
  /** Epochs after a reduction in which nothing is counted; 0 when absent. */
  readonly cooldown?: number;
  /** How much the figure must fall to count; 0.0001 when absent. */
  readonly minDelta?: number;
  /** The rate does not fall below this fraction of the peak; 0 when absent. */
  readonly finalFraction?: number;
}

/** What `plateau` remembers between epochs. */
export interface PlateauState {
  /** Lowest figure that counted; null before the first. */
  readonly best: number | null;
  /** Epochs since then. */
  readonly waited: number;
  /** Epochs of rest that are left. */
  readonly resting: number;
  /** What the peak is multiplied with. */
  readonly fraction: number;
}

export const plateauStart: PlateauState = { best: null, waited: 0, resting: 0, fraction: 1 };

/**
 * The state after an epoch.
 * @param observed the watched figure, turned so that less is better
 */
export function nextPlateau(settings: PlateauSettings, previous: PlateauState, observed: number): PlateauState {
  const { factor = 0.1, patience = 10, cooldown = 0, minDelta = 1e-4, finalFraction = 0 } = settings;
  const improved = previous.best === null || observed < previous.best - minDelta;
  const best = improved ? observed : previous.best;
  const rests = previous.resting > 0;
  const waited = improved || rests ? 0 : previous.waited + 1;
  const resting = Math.max(0, previous.resting - 1);
  if (waited <= patience) return { best, waited, resting, fraction: previous.fraction };
  return { best, waited: 0, resting: cooldown, fraction: Math.max(finalFraction, previous.fraction * factor) };
}

/** From `a` to `b` as `progress` goes from 0 to 1. */
const along = {
  linear: (a: number, b: number, progress: number): number => a + (b - a) * progress,
  cosine: (a: number, b: number, progress: number): number => b + ((a - b) * (1 + Math.cos(Math.PI * progress))) / 2,
};

/** Where a step is: `progress` goes from 0 at the first step after the warm-up to 1 at the last of the run. */
interface Moment {
  readonly step: number;
  readonly steps: number;
  readonly progress: number;
  /** Finished epochs, the warm-up counted. */
  readonly epoch: number;
  readonly plateau: PlateauState;
}

type Named<N extends ScheduleName> = Extract<ScheduleSpec, { readonly name: N }>;

/** The rate as a fraction of the peak. */
const fractions: { readonly [N in ScheduleName]: (spec: Named<N>, at: Moment) => number } = {
  constant: () => 1,
  cosine: (s, at) => along.cosine(1, s.finalFraction ?? 0, at.progress),
  step(s, at) {
    const passed = s.milestones
      ? s.milestones.filter((epoch) => epoch <= at.epoch).length
      : Math.floor(at.epoch / (s.everyEpochs ?? 30));
    return (s.factor ?? 0.1) ** passed;
  },
  exponential: (s, at) => s.factor ** at.epoch,
  polynomial: (s, at) => along.linear(s.finalFraction ?? 0, 1, (1 - at.progress) ** (s.power ?? 1)),
  'one-cycle'(s, at) {
    const { riseFraction = 0.3, startFraction = 1 / 25, finalFraction = 1 / 250_000, shape = 'cosine' } = s;
    // The peak lies at a whole step, as does the end.
    const [peak, last] = [riseFraction * at.steps - 1, at.steps - 1];
    if (at.step <= peak) return along[shape](startFraction, 1, peak > 0 ? at.step / peak : 1);
    return along[shape](1, finalFraction, Math.min(1, (at.step - peak) / (last - peak)));
  },
  plateau: (_s, at) => at.plateau.fraction,
};

/**
 * Learning rate of a step.
 * @param step steps taken before this one
 * @param total steps of the whole run
 * @param plateau the state of the `plateau` schedule, which is part of the run's; the others do not look at it
 */
export function learningRateAt(
  peak: number,
  schedule: ScheduleSpec,
  step: number,
  total: number,
  stepsPerEpoch: number,
  plateau: PlateauState = plateauStart,
): number {
  const warmup = Math.min(total, Math.round((schedule.warmupEpochs ?? 0) * stepsPerEpoch));
  if (step < warmup) return (peak * (step + 1)) / warmup;
  const steps = total - warmup;
  const at: Moment = {
    step: step - warmup,
    steps,
    progress: steps <= 1 ? 0 : (step - warmup) / (steps - 1),
    epoch: Math.floor(step / stepsPerEpoch),
    plateau,
  };
  const fraction = fractions[schedule.name] as (spec: ScheduleSpec, at: Moment) => number;
  return peak * fraction(schedule, at);
}

/** Settings that are out of range, each named by its field. */
export function checkSchedule(schedule: ScheduleSpec): string[] {
  const problems: string[] = [];
  const settings: Readonly<Record<string, unknown>> = { ...schedule };
  const say = (field: string, good: (v: number) => boolean, wanted: string): void => {
    const value = settings[field];
    if (value !== undefined && !(typeof value === 'number' && good(value))) {
      problems.push(`schedule.${field}: expected ${wanted}, not ${String(value)}`);
    }
  };
  const share = (v: number): boolean => v >= 0 && v <= 1;
  say('warmupEpochs', (v) => v >= 0 && Number.isFinite(v), 'a number from 0');
  for (const field of ['finalFraction', 'startFraction', 'riseFraction']) say(field, share, 'a number from 0 to 1');
  say('factor', (v) => v > 0 && v <= 1, 'a number above 0, at most 1');
  say('everyEpochs', (v) => Number.isInteger(v) && v >= 1, 'a whole number from 1');
  say('power', (v) => v > 0 && Number.isFinite(v), 'a number above 0');
  for (const field of ['patience', 'cooldown'])
    say(field, (v) => Number.isInteger(v) && v >= 0, 'a whole number from 0');
  say('minDelta', (v) => v >= 0, 'a number from 0');
  return problems;
}
