/** How a removal is spread over rounds of ranking, removing and training. */

export type Pace = 'cubic' | 'even';

/**
 * The share of the whole removal that is done after each round; the last is 1. Cubic is the gradual schedule of Zhu and Gupta 2017
 * (arXiv 1710.01878, equation 1): much goes while there is much that does nothing, little at the end.
 */
export function progressOf(rounds: number, pace: Pace): number[] {
  return Array.from({ length: rounds }, (_, k) => {
    const done = (k + 1) / rounds;
    return pace === 'even' ? done : 1 - (1 - done) ** 3;
  });
}

/** Epochs of each round: as even as whole numbers are, the more the later. */
export function epochsOf(epochs: number, rounds: number): number[] {
  return Array.from(
    { length: rounds },
    (_, k) => Math.floor((epochs * (k + 1)) / rounds) - Math.floor((epochs * k) / rounds),
  );
}
