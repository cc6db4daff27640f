/** What bounds a search, as options: here and for a fleet. */
import { SearchBudget } from '@verge/contracts';
import type { Command } from 'commander';
import { number } from './command.js';
import { CliError, fieldLines } from './errors.js';

export interface SearchOptions {
  maxDrop?: number;
  maxBytes?: number;
  maxLatency?: number;
  maxSeconds?: number;
  seed?: number;
}

/** What says the budget of a search, by option. */
export const searchFlags = {
  maxDrop: '--max-drop',
  maxBytes: '--max-bytes',
  maxLatency: '--max-latency',
  maxSeconds: '--max-seconds',
  seed: '--seed',
} as const satisfies Record<keyof SearchOptions, string>;

/** The options that bound a search. @param where whose latency counts */
export const searchBudgetOptions = (command: Command, where: string): Command =>
  command
    .option('--max-drop <points>', 'of a search: largest loss, 1 when absent', number('--max-drop', { min: 0 }))
    .option('--max-bytes <n>', 'of a search: largest file', number('--max-bytes', { min: 1, integer: true }))
    .option('--max-latency <ms>', `of a search: largest p50 on ${where}`, number('--max-latency', { min: 0 }))
    .option(
      '--max-seconds <n>',
      'of a search: time for variants, 1800 when absent',
      number('--max-seconds', { min: 0 }),
    )
    .option(
      '--seed <n>',
      'of a search: same seed, same variants; 1 when absent',
      number('--seed', { min: 0, integer: true }),
    );

/** Options of a search that stand where none is wanted. */
export const searchOptionsIn = (options: SearchOptions): string[] =>
  Object.entries(searchFlags).flatMap(([name, flag]) =>
    options[name as keyof SearchOptions] === undefined ? [] : [flag],
  );

const fields: Readonly<Record<string, string>> = {
  maxDropPoints: '--max-drop',
  maxBytes: '--max-bytes',
  maxLatencyMs: '--max-latency',
  maxSeconds: '--max-seconds',
};

/** @throws CliError `usage` with the options that are not as they should be */
export function budgetOf({ maxDrop, maxBytes, maxLatency, maxSeconds }: SearchOptions): SearchBudget {
  const parsed = SearchBudget.safeParse({
    ...(maxDrop !== undefined && { maxDropPoints: maxDrop }),
    ...(maxBytes !== undefined && { maxBytes }),
    ...(maxLatency !== undefined && { maxLatencyMs: maxLatency }),
    ...(maxSeconds !== undefined && { maxSeconds }),
  });
  if (parsed.success) return parsed.data;
  const lines = fieldLines(parsed.error).map((line) => line.replace(/^(\w+)/, (name) => fields[name] ?? name));
  throw new CliError('usage', 'the budget is not of the expected form', lines);
}
