/** Rows of signal processing: window functions, Fourier transforms, mel weights. */
import { attrInt } from '../attributes.js';
import type { Dim } from '../ir.js';
import { divideDim, firstDim, mapDim, sumDim } from './dims.js';
import { dtypeAttribute } from './elementwise.js';
import type { NodeFacts, Row } from './facts.js';
import { tensorType } from './types.js';

/** BlackmanWindow, HammingWindow, HannWindow. */
export const windowFunction: Row = (f) => [tensorType(dtypeAttribute(f, 'output_datatype', 'float32'), [f.scalar(0)])];

/** The frequencies of a one-sided spectrum of so many samples. */
const bins = (samples: Dim): Dim => sumDim([divideDim(samples, 2), 1]);

/** DFT: the axis is an attribute in version 17 (1 when absent), an input since 20 (-2 when absent). */
function dftAxis(f: NodeFacts): number | null {
  if (f.opset < 20) return attrInt(f.node, 'axis', 1);
  if (!f.has(2)) return -2;
  const given = f.scalar(2);
  return typeof given === 'number' ? given : null;
}

export const dft: Row = (f) => {
  const [x, dtype, at] = [f.shape(0), f.dtype(0), dftAxis(f)];
  if (!x) return [tensorType(dtype, null)];
  const [inverse, oneSided] = [attrInt(f.node, 'inverse', 0) === 1, attrInt(f.node, 'onesided', 0) === 1];
  const parts = inverse && oneSided ? 1 : 2;
  if (at === null)
    return [
      tensorType(
        dtype,
        x.map((_, i): Dim => (i === x.length - 1 ? parts : null)),
      ),
    ];
  const axis = f.axis(at, x.length);
  if (axis === x.length - 1) f.fail('the last axis holds real and imaginary parts');
  const whole = inverse && oneSided ? mapDim(x[axis], (n) => 2 * (n - 1)) : x[axis]!;
  const samples = f.has(1) ? f.scalar(1) : whole;
  const length = oneSided && !inverse ? bins(samples) : samples;
  return [
    tensorType(
      dtype,
      x.map((d, i) => (i === axis ? length : i === x.length - 1 ? parts : d)),
    ),
  ];
};

/** STFT: [batch, frames, frequencies, 2]; the window or frame_length gives the length of a frame. */
export const stft: Row = (f) => {
  const [batch = null, length = null] = f.shape(0) ?? [];
  const [window] = f.has(2) ? (f.shape(2) ?? []) : [];
  const frame = firstDim(f.has(3) ? f.scalar(3) : null, window);
  const step = f.scalar(1);
  let frames: Dim = null;
  if (typeof length === 'number' && typeof frame === 'number' && typeof step === 'number') {
    if (step < 1) f.fail(`frame_step ${step} is not positive`);
    if (frame > length) f.fail(`a frame of ${frame} in a signal of ${length}`);
    frames = Math.floor((length - frame) / step) + 1;
  }
  const frequencies = attrInt(f.node, 'onesided', 1) === 1 ? bins(frame) : frame;
  return [tensorType(f.dtype(0), [batch, frames, frequencies, 2])];
};

/** MelWeightMatrix: [dft_length / 2 + 1, num_mel_bins]. */
export const melWeightMatrix: Row = (f) => [
  tensorType(dtypeAttribute(f, 'output_datatype', 'float32'), [bins(f.scalar(1)), f.scalar(0)]),
];
