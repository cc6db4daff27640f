/** What a model consists of and costs, in the numbers that every report has. */
import type { Model, ValueInfo } from './ir.js';
import { batchOf, summarize } from './summary.js';

export interface Figures {
  /** As `ModelSummary.parameters`: elements of all weights; scales, zero points, scalars, shapes and indices are none. */
  parameters: number;
  /** Multiply-accumulates for one sample, of which a model of a fixed batch takes several a run; null when they are not known. */
  macs: number | null;
}

export interface FiguresOptions {
  /** Sizes of dimensions that the file names and leaves open; those of `samples` otherwise, else 1. */
  readonly dims?: Readonly<Record<string, number>>;
  /** Shapes of one sample by input, without the batch axis: they say how large open sizes are. */
  readonly samples?: Readonly<Record<string, readonly number[]>>;
}

const sizesOf = ({ type }: ValueInfo) => (type?.kind === 'tensor' ? type.shape : null);

/** Sizes that the samples have where the inputs name theirs, and by `input[axis]` where they do not. */
function openSizesOf(inputs: readonly ValueInfo[], samples: FiguresOptions['samples'] = {}): Record<string, number> {
  const found: Record<string, number> = {};
  for (const info of inputs) {
    const [declared, sample] = [sizesOf(info), samples[info.name]];
    if (!declared || !sample || declared.length !== sample.length + 1) continue;
    sample.forEach((size, i) => {
      const own = declared[i + 1];
      if (typeof own === 'string') found[own] = size;
      else if (own === null) found[`${info.name}[${i + 1}]`] = size;
    });
  }
  return found;
}

/**
 * Parameters and multiply-accumulates of a model: the one definition of both, whoever reports them.
 * @throws OnnxError as `summarize`
 */
export function figuresOf(model: Model, { dims, samples }: FiguresOptions = {}): Figures {
  const inputs = model.graph.inputs.filter(({ name }) => !model.graph.initializers.has(name));
  const { parameters, macs } = summarize(model, { ...openSizesOf(inputs, samples), ...dims });
  return {
    parameters,
    macs: macs === null ? null : Math.round(macs / batchOf(inputs, samples?.[inputs[0]?.name ?? ''])),
  };
}
