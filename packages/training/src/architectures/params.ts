/** Parameters of an architecture: their kinds, defaults and bounds, and how given values are checked against them. */
import type { Model } from '@verge/onnx';
import type { InitialisationRule } from '../initialisation.js';
import type { Start } from './net.js';

export type ParamValue = number | boolean | string | readonly number[];

export type Param =
  | {
      readonly kind: 'number';
      readonly fallback: number;
      readonly whole: boolean;
      readonly below?: number;
      /** The least whole number; 1 when absent. */
      readonly least?: number;
      readonly text: string;
    }
  | { readonly kind: 'numbers'; readonly fallback: readonly number[]; readonly text: string }
  | { readonly kind: 'flag'; readonly fallback: boolean; readonly text: string }
  | { readonly kind: 'choice'; readonly fallback: string; readonly options: readonly string[]; readonly text: string };

export const whole = (fallback: number, text: string): Param => ({ kind: 'number', fallback, whole: true, text });
/** A whole number, where 0 leaves something out. */
export const count = (fallback: number, text: string): Param => ({
  kind: 'number',
  fallback,
  whole: true,
  least: 0,
  text,
});
export const positive = (fallback: number, text: string): Param => ({ kind: 'number', fallback, whole: false, text });
/** At least 0 and below 1. */
export const fraction = (fallback: number, text: string): Param => ({
  kind: 'number',
  fallback,
  whole: false,
  below: 1,
  text,
});
/** One or more whole numbers from 1. */
export const numbers = (fallback: readonly number[], text: string): Param => ({ kind: 'numbers', fallback, text });
export const choice = (fallback: string, options: readonly string[], text: string): Param => ({
  kind: 'choice',
  fallback,
  options,
  text,
});

export const flag = (fallback: boolean, text: string): Param => ({ kind: 'flag', fallback, text });

/** Checked parameters, read by name. */
export interface Params {
  flag(name: string): boolean;
  number(name: string): number;
  numbers(name: string): readonly number[];
  choice<T extends string>(name: string): T;
}

/** Shapes of one sample, by what they are called. */
export const inputKinds = {
  any: { ranks: undefined, text: 'any shape' },
  image: { ranks: [3], text: '[channels, height, width]' },
  series: { ranks: [2], text: '[steps, channels]' },
  'image or series': { ranks: [2, 3], text: '[channels, height, width] or [steps, channels]' },
  vector: { ranks: [1], text: '[features]' },
} as const;

export interface Architecture {
  readonly summary: string;
  /** What one sample looks like. */
  readonly input: keyof typeof inputKinds;
  /** What the initialisation `default` stands for. */
  readonly init?: InitialisationRule;
  readonly params: Readonly<Record<string, Param>>;
  /**
   * @param input shape of one sample
   * @param classes width of the output, where the network has one of its own
   * @param start what the weights are drawn from
   */
  build(input: readonly number[], classes: number, params: Params, start: Start): Model;
}

/** What a parameter expects, in words; undefined when the value is good. */
export function complaint(param: Param, value: unknown): string | undefined {
  switch (param.kind) {
    case 'number': {
      if (param.below !== undefined) {
        return typeof value === 'number' && value >= 0 && value < param.below
          ? undefined
          : `a number from 0 to below ${param.below}`;
      }
      const { least = 1 } = param;
      if (param.whole) {
        return Number.isInteger(value) && (value as number) >= least ? undefined : `a whole number from ${least}`;
      }
      const good = typeof value === 'number' && Number.isFinite(value) && value > 0;
      return good ? undefined : 'a number above 0';
    }
    case 'numbers': {
      const good = Array.isArray(value) && value.length > 0 && value.every((v) => Number.isInteger(v) && v > 0);
      return good ? undefined : 'a list of whole numbers from 1';
    }
    case 'flag':
      return typeof value === 'boolean' ? undefined : 'true or false';
    case 'choice':
      return typeof value === 'string' && param.options.includes(value)
        ? undefined
        : `one of ${param.options.join(', ')}`;
  }
}
