/** factor * (x - center) + shift with numbers of each channel, in one pass: BatchNormalization with given statistics does just that. */
import { float, float32 } from '@verge/onnx';
import type { Tape } from '../tape.js';

/** [channels] of one value. */
export function filled(t: Tape, channels: number, value: number): string {
  const data = new Float32Array(channels).fill(value);
  return t.constant(float32([channels], data), 'channels', `c:${channels}:${value}`);
}

/**
 * @param x [N, C, ...]
 * @param factor [C], as are the others
 */
export function channelAffine(t: Tape, x: string, factor: string, shift: string, center: string): string {
  const shape = t.shape(x);
  const ones = filled(t, shape[1]!, 1);
  return t.emit('BatchNormalization', [x, factor, shift, center, ones], shape, { epsilon: float(0) });
}
