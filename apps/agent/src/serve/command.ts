/** `verge-agent serve`. What it needs is loaded when it is called. */
import type { Command } from 'commander';
import { readSettings } from '../settings.js';
import { endOnUnexpected, stopOnSignals } from '../signals.js';
import { port, threads } from '../words.js';
import type { FileServer } from './serve.js';

/** Options that say what is done around a model file. */
export interface GivenOptions {
  preprocess?: string;
  labels?: string;
  threads?: number;
}

interface ServeArguments extends GivenOptions {
  name?: string;
  port?: number;
  host: string;
  socket?: string;
}

/** Of the API, unless told otherwise. */
export const defaultPort = 7450;

/** Options of every command that takes a model file. */
export const withGiven = (command: Command): Command =>
  command
    .option('--preprocess <file>', 'what makes the tensor of a photograph or a recording, JSON or YAML')
    .option('--labels <file>', 'names of the classes, a line each')
    .option('--threads <count>', 'threads of a run (default: $VERGE_AGENT_THREADS or 1)', threads);

function summary(server: FileServer, socket: string | null): string {
  const { description, url } = server;
  const { loadMs, warmUpProblem } = server.opened!;
  const { model, inputs, outputs, preprocess, labels } = description;
  const tensor = ({ name, dtype, shape }: (typeof inputs)[number]): string =>
    `${name} ${dtype} [${shape.map((size) => (size === -1 ? 'n' : size)).join(', ')}]`;
  const warmUp = warmUpProblem === null ? 'warmed up' : `warm-up on made-up input failed: ${warmUpProblem}`;
  const lines = [
    `${model} serves on ${[url, socket].filter((where) => where !== null).join(' and ')}`,
    `  loaded in   ${Math.round(loadMs)} ms, ${warmUp}`,
    ...inputs.map((one) => `  input       ${tensor(one)}`),
    ...outputs.map((one) => `  output      ${tensor(one)}`),
    `  preprocess  ${preprocess ? `${preprocess.input.kind}, ${preprocess.steps.map(({ op }) => op).join(', ')}` : 'none'}`,
    `  labels      ${labels.length > 0 ? labels.length : 'none'}`,
  ];
  return lines.join('\n');
}

async function serveCommand(path: string, options: ServeArguments): Promise<void> {
  const [{ FileServer }, { givenFor }, { consoleLogger }] = await Promise.all([
    import('./serve.js'),
    import('./given-files.js'),
    import('../log/logger.js'),
  ]);
  const settings = readSettings(process.env);
  const log = consoleLogger(settings.logLevel);
  endOnUnexpected(log);
  const { host, socket = null } = options;
  const tcp = socket === null || options.port !== undefined ? { host, port: options.port ?? defaultPort } : null;
  const server = await FileServer.start({
    path,
    ...(await givenFor(path, options)),
    threads: options.threads ?? settings.threads,
    bodyBytes: settings.bodyBytes,
    tcp,
    socket,
    log,
  });
  stopOnSignals(() => server.stop(), log);
  process.stdout.write(`${summary(server, socket)}\n`);
}

export function addServe(program: Command): void {
  withGiven(program.command('serve <model>'))
    .description('serve an ONNX file to local applications, without a control plane')
    .option('--name <name>', 'name of the model in the API (default: that of the file)')
    .option('--port <port>', `TCP port of the API, 0 for any free one (default: ${defaultPort})`, port)
    .option('--host <address>', 'address of the API', '127.0.0.1')
    .option('--socket <path>', 'Unix socket of the API; without --port there is no TCP then')
    .action(serveCommand);
}
