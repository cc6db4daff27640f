/**
 * `verge-agent enroll | run | serve | classify | benchmark | status | logs`. Exit codes: 0 done, 1 failed, 2 wrong use. Each
 * command loads what it needs: `status` answers without the inference runtime and the gRPC stack.
 */
import { Command } from 'commander';
import { addBenchmark } from './benchmark/command.js';
import { addClassify } from './classify/command.js';
import { AgentError, reasonOf } from './errors.js';
import { Layout } from './layout.js';
import { followLog } from './log/follow.js';
import { logPath } from './log/rotating-file.js';
import { prettyLine } from './log/pretty.js';
import { addServe, defaultPort } from './serve/command.js';
import { readSettings } from './settings.js';
import { endOnUnexpected, stopOnSignals } from './signals.js';
import { agentVersion } from './version.js';
import { count, port } from './words.js';

const dirOption = ['--dir <dir>', 'state directory (default: $VERGE_AGENT_DIR or ~/.local/share/verge-agent)'] as const;

async function enrollCommand(options: {
  bundle: string;
  releaseRoot?: string;
  name?: string;
  dir?: string;
}): Promise<void> {
  const [{ readBundle }, { enroll }, { readFacts }] = await Promise.all([
    import('./enrollment/bundle.js'),
    import('./enrollment/enroll.js'),
    import('./facts.js'),
  ]);
  const settings = readSettings(process.env, options.dir);
  const source = await readBundle(options.bundle, options.releaseRoot);
  const layout = new Layout(settings.dir);
  const { identity, fresh } = await enroll({ layout, source, name: options.name, facts: await readFacts() });
  const what = fresh ? 'enrolled' : 'is enrolled already';
  process.stdout.write(`${identity.name} ${what} as device ${identity.deviceId} (class ${identity.deviceClass})\n`);
}

async function runCommand(options: { dir?: string; port: number; host: string }): Promise<void> {
  const [{ Agent }, { createLogger }] = await Promise.all([import('./agent.js'), import('./log/logger.js')]);
  const settings = readSettings(process.env, options.dir);
  const layout = new Layout(settings.dir);
  await layout.prepare();
  const log = createLogger(layout.logs, settings.logLevel);
  endOnUnexpected(log);
  const agent = await Agent.start({ settings, host: options.host, port: options.port, log });
  stopOnSignals(() => agent.stop(), log);
}

async function statusCommand(options: { dir?: string; json?: boolean }): Promise<void> {
  const { readStatus, statusLines } = await import('./status.js');
  const view = await readStatus(new Layout(readSettings(process.env, options.dir).dir));
  const text = options.json ? JSON.stringify(view, null, 2) : statusLines(view).join('\n');
  process.stdout.write(`${text}\n`);
  if (!view.running) process.exitCode = 1;
}

async function logsCommand(options: { dir?: string; follow?: boolean; lines: number; json?: boolean }): Promise<void> {
  const layout = new Layout(readSettings(process.env, options.dir).dir);
  const pretty = process.stdout.isTTY && !options.json;
  await followLog({
    path: logPath(layout.logs),
    follow: options.follow === true,
    lines: options.lines,
    write: (line) => void process.stdout.write(`${pretty ? prettyLine(line, true) : line}\n`),
  });
}

const program = new Command('verge-agent')
  .description('The Verge edge agent: receives signed models, serves them to local applications, reports back')
  .version(agentVersion)
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
program
  .command('enroll')
  .description('make a key and trade the token of a bundle for an identity')
  .requiredOption('--bundle <file>', 'enrolment bundle from the control plane')
  .option('--release-root <file>', 'root.json of the release repository, from the people who sign releases')
  .option('--name <name>', 'a name that people read')
  .option(...dirOption)
  .action(enrollCommand);
program
  .command('run')
  .description('follow the control plane and serve the local inference API')
  .option(...dirOption)
  .option('--port <port>', 'TCP port of the API, 0 for any free one', port, defaultPort)
  .option('--host <address>', 'address of the API', '127.0.0.1')
  .action(runCommand);
addServe(program);
addClassify(program);
addBenchmark(program);
program
  .command('status')
  .description('what runs here; exit code 1 when no agent runs')
  .option(...dirOption)
  .option('--json', 'as JSON')
  .action(statusCommand);
program
  .command('logs')
  .description('show the log')
  .option(...dirOption)
  .option('-f, --follow', 'go on as it grows')
  .option('-n, --lines <count>', 'lines from the end', count, 100)
  .option('--json', 'JSON lines, also on a terminal')
  .action(logsCommand);

program.parseAsync().catch((error: unknown) => {
  const code = error instanceof AgentError ? `${error.code}: ` : '';
  process.stderr.write(`verge-agent: ${code}${reasonOf(error)}\n`);
  process.exitCode = 1;
});
