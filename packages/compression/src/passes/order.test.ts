import { describe, expect, it } from 'vitest';
import { Recipe, type RecipePass } from '@verge/contracts';
import { CompressionError } from '../errors.js';
import { inOrder } from './order.js';

const fold = { pass: 'fold' };
const prune = { pass: 'prune-filters', ratio: 0.5 };
const quantize = { pass: 'quantize-static' };
const passesOf = (...passes: unknown[]): RecipePass[] => Recipe.parse({ name: 'any', passes }).passes;
const names = (...passes: unknown[]): string[] => inOrder(passesOf(...passes)).map(({ pass }) => pass.pass);

describe('inOrder', () => {
  it('keeps a recipe that is in order', () => {
    const ordered = inOrder(passesOf(prune, fold, quantize));
    expect(ordered.map(({ pass }) => pass.pass)).toEqual(['prune-filters', 'fold', 'quantize-static']);
    expect(ordered.every(({ moved }) => moved === null)).toBe(true);
    expect(names(fold, prune)).toEqual(['fold', 'prune-filters']);
  });

  it('moves what changes the structure before what changes the precision, and says so', () => {
    const ordered = inOrder(passesOf(fold, quantize, prune));
    expect(ordered.map(({ pass }) => pass.pass)).toEqual(['fold', 'prune-filters', 'quantize-static']);
    expect(ordered.map(({ moved }) => moved !== null)).toEqual([false, true, false]);
    expect(ordered[1]?.moved).toContain("before 'quantize-static'");
  });

  it('refuses a second change of precision by its place in the recipe', () => {
    const refused = (): unknown => inOrder(passesOf(quantize, fold, quantize));
    expect(refused).toThrow(CompressionError);
    expect(refused).toThrow(/recipe\.passes\.2.*passes\.0/);
  });
});
