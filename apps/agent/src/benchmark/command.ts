/** `verge-agent benchmark`. */
import { InvalidArgumentError, type Command } from 'commander';
import { count, threads } from '../words.js';

interface BenchmarkArguments {
  threads: number[];
  runs: number;
  warmup: number;
  dim: Record<string, number>;
  json?: boolean;
}

function dim(text: string, before: Record<string, number>): Record<string, number> {
  const [, name, size] = /^(.+)=([0-9]{1,9})$/.exec(text) ?? [];
  if (name === undefined) throw new InvalidArgumentError('expected name=size');
  return { ...before, [name]: Number(size) };
}

async function benchmarkCommand(path: string, options: BenchmarkArguments): Promise<void> {
  const { benchmark, linesOf } = await import('./benchmark.js');
  const ended = new AbortController();
  process.once('SIGINT', () => ended.abort(new Error('interrupted')));
  const report = await benchmark({
    path,
    threads: options.threads,
    runs: options.runs,
    warmup: options.warmup,
    dims: options.dim,
    progress: (line) => void (process.stderr.isTTY && process.stderr.write(`${line}\n`)),
    signal: ended.signal,
  });
  process.stdout.write(`${options.json ? JSON.stringify(report, null, 2) : linesOf(report).join('\n')}\n`);
}

export function addBenchmark(program: Command): void {
  program
    .command('benchmark <model>')
    .description('latency, processor time, memory and heat of a model on this device')
    .option('--threads <counts>', 'threads of a run, several with commas', (text) => text.split(',').map(threads), [1])
    .option('--runs <count>', 'timed runs', count, 100)
    .option('--warmup <count>', 'untimed runs before', count, 10)
    .option('--dim <name=size>', 'size that the model leaves open; may be repeated', dim, {})
    .option('--json', 'as JSON')
    .action(benchmarkCommand);
}
