/** `verge-agent classify`: files through a model that serves here, or through a model file. */
import type { Command } from 'commander';
import { z } from 'zod';
import { AgentError, reasonOf } from '../errors.js';
import { defaultPort, withGiven, type GivenOptions } from '../serve/command.js';
import { readSettings, type Settings } from '../settings.js';
import { count } from '../words.js';
import type { Answerer, Where } from './ask.js';

interface ClassifyArguments extends GivenOptions {
  model?: string;
  url?: string;
  socket?: string;
  dir?: string;
  top: number;
  json?: boolean;
}

const Told = z.object({ httpUrl: z.string() });

/** As told; else the agent of the directory, else where `serve` listens unless told otherwise. */
async function whereOf({ url, socket }: ClassifyArguments, { dir }: Settings): Promise<Where> {
  if (url !== undefined) return { url };
  if (socket !== undefined) return { socketPath: socket };
  const [{ readFile }, { Layout }] = await Promise.all([import('node:fs/promises'), import('../layout.js')]);
  const told = await readFile(new Layout(dir).running, 'utf8')
    .then((text) => Told.parse(JSON.parse(text)))
    .catch(() => null);
  return { url: told?.httpUrl ?? `http://127.0.0.1:${defaultPort}` };
}

async function answererOf(options: ClassifyArguments): Promise<Answerer> {
  const settings = readSettings(process.env, options.dir);
  const { askFile, askServer } = await import('./ask.js');
  if (options.model !== undefined) {
    const { givenFor } = await import('../serve/given-files.js');
    return askFile(options.model, {
      ...(await givenFor(options.model, options)),
      threads: options.threads ?? settings.threads,
    });
  }
  const alone = (['preprocess', 'labels', 'threads'] as const).filter((one) => options[one] !== undefined);
  if (alone.length > 0) {
    const names = alone.map((one) => `--${one}`).join(' and ');
    throw new AgentError('GIVEN_UNFIT', `${names}: what serves has its own; they go with --model FILE`);
  }
  return askServer(await whereOf(options, settings)).catch((error: unknown) => {
    if (!(error instanceof AgentError)) throw error;
    throw new AgentError(error.code, `${error.message}; start it, or name a model file with --model`, { cause: error });
  });
}

async function classifyCommand(files: string[], options: ClassifyArguments): Promise<void> {
  const { classify, linesOf } = await import('./classify.js');
  const answerer = await answererOf(options);
  try {
    for (const file of files) {
      try {
        const found = await classify(answerer, file, options.top);
        process.stdout.write(`${options.json ? JSON.stringify(found) : linesOf(found).join('\n')}\n`);
      } catch (error) {
        // One that is no photograph costs the others nothing.
        if (!(error instanceof AgentError) || error.code === 'GIVEN_UNFIT') throw error;
        process.stderr.write(`verge-agent: ${file}: ${error.code}: ${reasonOf(error)}\n`);
        process.exitCode = 1;
      }
    }
  } finally {
    await answerer.close();
  }
}

export function addClassify(program: Command): void {
  const command = program
    .command('classify <files...>')
    .description('the likeliest classes of photographs or recordings, and the time that each stage took')
    .option('--model <file>', 'ONNX file; without it the model that serves here answers')
    .option('--url <url>', 'where it serves')
    .option('--socket <path>', 'Unix socket where it serves')
    .option('--dir <dir>', 'state directory of the agent that serves')
    .option('--top <count>', 'how many classes', count, 5)
    .option('--json', 'a JSON object a line');
  withGiven(command).action(classifyCommand);
}
