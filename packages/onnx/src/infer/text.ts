/** Rows of operators on strings. */
import { attrInts, attrStrings } from '../attributes.js';
import type { Dim } from '../ir.js';
import type { Row } from './facts.js';
import { tensorType } from './types.js';

export const stringConcat: Row = (f) => [tensorType('string', f.broadcast([f.shape(0), f.shape(1)]))];

export const regexFullMatch: Row = (f) => [tensorType('bool', f.shape(0))];

/** StringSplit: the parts on a new last axis, as many as the string with the most has; and their numbers. */
export const stringSplit: Row = (f) => {
  const x = f.shape(0);
  return [tensorType('string', x && [...x, null]), tensorType('int64', x)];
};

/** StringNormalizer: [C] or [1, C]; stop words are left out. */
export const stringNormalizer: Row = (f) => {
  const x = f.shape(0);
  const drops = attrStrings(f.node, 'stopwords', []).length > 0;
  return [tensorType('string', x && x.map((d, i): Dim => (drops && i === x.length - 1 ? null : d)))];
};

/** TfIdfVectorizer: [C] or [N, C]; the n-grams of the pool, at the places that ngram_indexes gives them. */
export const tfIdfVectorizer: Row = (f) => {
  const x = f.shape(0);
  const width = attrInts(f.node, 'ngram_indexes').reduce((most, i) => Math.max(most, i + 1), 0);
  if (x && (x.length < 1 || x.length > 2)) f.fail(`input of rank ${x.length}, not 1 or 2`);
  return [tensorType('float32', x && [...x.slice(0, -1), width])];
};
