/** Some of the samples, evenly from all of them. */
import { pick, type Samples } from '@verge/data';

export function spread(samples: Samples, wanted: number): Samples {
  const count = Math.min(wanted, samples.y.length);
  return pick(
    samples,
    Int32Array.from({ length: count }, (_, i) => Math.floor((i * samples.y.length) / count)),
  );
}
