/** Which of several ways to quantize a model is taken, by how like the source's its outputs are on samples that gave it nothing. */
import type { Likeness } from '../../study/likeness.js';

/** Decibels that ranges which clip must gain, and corrected biases: what is less may be these samples' own. */
const WORTH = 0.3;
/** Decibels that weights which overflow no pair of products may cost where the class has VNNI. */
const MOST_FOR_PAIRS = 2;
/** With so many decibels left, what they cost changes no answer. */
const ENOUGH = 35;

/**
 * @param likenesses of the methods, the last of them min-max where there are several
 * @param aboutMeans whether biases are corrected after: what that takes back decides nothing
 * @returns the place of the method to take
 */
export function chosenMethod(likenesses: readonly Likeness[], aboutMeans: boolean): number {
  if (likenesses.length < 2) return 0;
  const figures = likenesses.map((l) => (aboutMeans ? l.aboutMeans : l.decibels));
  const last = figures.length - 1;
  const others = figures.slice(0, last);
  const best = others.indexOf(Math.max(...others));
  return (figures[best] as number) > (figures[last] as number) + WORTH ? best : last;
}

/** Whether corrected biases are kept. */
export const correctionPays = (before: number, after: number): boolean => after > before + WORTH;

/** Whether weights that overflow no pair of products may cost so much that others have to be measured. */
export const pairsMayCost = (proof: Likeness): boolean => proof.aboutMeans < ENOUGH;

/** Whether weights that may overflow pairs of products are taken, for what others cost. */
export const pairsCostTooMuch = (proof: Likeness, plain: Likeness): boolean =>
  pairsMayCost(proof) && plain.aboutMeans > proof.aboutMeans + MOST_FOR_PAIRS;
