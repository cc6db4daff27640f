/** Figures of predicted numbers, summed in double precision. */

/** Mean over all elements of |output - target|. */
export function meanAbsoluteError(outputs: Float32Array, targets: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < outputs.length; i++) sum += Math.abs(outputs[i]! - targets[i]!);
  return sum / outputs.length;
}

/** Root of the mean over all elements of (output - target)^2. */
export function rootMeanSquareError(outputs: Float32Array, targets: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < outputs.length; i++) sum += (outputs[i]! - targets[i]!) ** 2;
  return Math.sqrt(sum / outputs.length);
}

/**
 * Coefficient of determination, 1 - residual squares / squares around the mean, the mean over the columns. A column that
 * does not vary counts 1 when it was met exactly, else 0.
 * @param outputs [samples, width]
 */
export function rSquared(outputs: Float32Array, targets: Float32Array, width: number): number {
  const samples = outputs.length / width;
  let total = 0;
  for (let column = 0; column < width; column++) {
    let mean = 0;
    for (let i = column; i < targets.length; i += width) mean += targets[i]!;
    mean /= samples;
    let [residual, spread] = [0, 0];
    for (let i = column; i < targets.length; i += width) {
      residual += (outputs[i]! - targets[i]!) ** 2;
      spread += (targets[i]! - mean) ** 2;
    }
    total += spread > 0 ? 1 - residual / spread : residual === 0 ? 1 : 0;
  }
  return total / width;
}
