/** Every command that is shown is run as it stands, from where a reader stands. */
import { spawn, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient } from '@verge/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blockOf, commandsAmong, commandsIn, documentsOf } from './documents.js';
import { helpTexts } from './help.js';
import { device, elsewhere, enrollFromConsole, fleet, local, type Step } from './story.js';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const full = process.env['VERGE_TEST_FULL'] !== undefined;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A checkout to stand in: its files are the real ones, what the commands write lands beside them. */
class Checkout {
  readonly folder = mkdtempSync(join(tmpdir(), 'verge-checkout-'));
  private readonly running: ChildProcess[] = [];
  /** Default ports that somebody else may hold on this machine, by the one that is used instead. */
  private readonly ports = new Map<string, number>();

  async open(): Promise<void> {
    const own = new Set(['.git', '.verge', 'runs', 'keys', 'signed', 'stages', '.turbo']);
    for (const name of readdirSync(root)) if (!own.has(name)) symlinkSync(join(root, name), join(this.folder, name));
    writeFileSync(join(this.folder, 'train.yaml'), blockOf(root, 'docs/guides/training-config.md', 'yaml'));
    writeFileSync(join(this.folder, 'recipe.json'), blockOf(root, 'docs/guides/recipe.md', 'json'));
    for (const port of ['7400', '7443', '7444', '7450']) this.ports.set(port, await freePort());
    if (full) return;
    this.shortenNpx();
    this.shortenTeacher();
  }

  /** A third of its epochs, on data sets of its own: tests/console/quickstart.test.ts trains all of them. */
  private shortenTeacher(): void {
    rmSync(join(this.folder, 'datasets'));
    cpSync(join(root, 'datasets'), join(this.folder, 'datasets'), { recursive: true });
    const file = join(this.folder, 'datasets/digits/teacher.yaml');
    const whole = readFileSync(file, 'utf8');
    const short = whole.replace(/^epochs: 45$/m, 'epochs: 15');
    if (short === whole) throw new Error(`${file} no longer trains 45 epochs`);
    writeFileSync(file, short);
  }

  /**
   * What npx does for a program of the checkout, without starting npm for each of them, which takes longer than most of the
   * commands. The first command of each program, and all of them in the full tests, go through npx itself.
   */
  private shortenNpx(): void {
    mkdirSync(join(this.folder, 'bin'));
    const npx = join(this.folder, 'bin', 'npx');
    const first = `first="$PWD/bin/$1.ran"\nif [ ! -e "$first" ]; then : > "$first"; PATH="\${PATH#*:}" exec npx "$@"; fi`;
    writeFileSync(npx, `#!/bin/sh\n${first}\nprogram="$1"; shift\nexec "$PWD/node_modules/.bin/$program" "$@"\n`);
    chmodSync(npx, 0o755);
  }

  get url(): string {
    return `http://localhost:${this.ports.get('7400')}`;
  }

  private spawn(command: string, env: Record<string, string> = {}): { child: ChildProcess; output: () => string } {
    let text = command;
    for (const [port, free] of this.ports) text = text.replaceAll(`:${port}`, `:${free}`);
    // Started as it stands; the default port is the one thing that cannot be shared.
    const agentPort = this.ports.get('7450');
    if (/^npx verge-agent (run$|serve )/.test(text)) text += ` --port ${agentPort}`;
    if (text === 'npx verge-agent classify photo.jpg') text += ` --url http://127.0.0.1:${agentPort}`;
    const child = spawn('sh', ['-ec', text], {
      cwd: this.folder,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        PATH: `${join(this.folder, 'bin')}:${process.env['PATH']}`,
        HOME: this.folder,
        XDG_CONFIG_HOME: join(this.folder, 'config'),
        VERGE_HTTP_PORT: String(this.ports.get('7400')),
        VERGE_GRPC_PORT: String(this.ports.get('7443')),
        VERGE_ENROLL_PORT: String(this.ports.get('7444')),
        DATABASE_URL: '',
        REDIS_URL: '',
        S3_ENDPOINT: '',
        npm_config_update_notifier: 'false',
        ...env,
      },
    });
    let output = '';
    child.stdout!.on('data', (data) => (output += String(data)));
    child.stderr!.on('data', (data) => (output += String(data)));
    return { child, output: () => output };
  }

  async run(step: Step, env?: Record<string, string>): Promise<void> {
    const { child, output } = this.spawn(step.command, env);
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    if (step.until === undefined) {
      const code = await ended;
      expect(step.codes ?? [0], `${step.command}\n${output()}`).toContain(code);
      if (step.says) expect(output(), step.command).toMatch(step.says);
      return;
    }
    this.running.push(child);
    let over = false;
    ended.then(
      () => (over = true),
      () => undefined,
    );
    for (let waited = 0; !step.until.test(output()); waited += 100) {
      if (over || waited > 90_000) throw new Error(`${step.command} never said ${step.until}:\n${output()}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Ends what was started last and goes on. */
  async endLast(): Promise<void> {
    const child = this.running.pop();
    if (child?.pid === undefined || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once('close', resolve));
    // The shell, npx and the program are one process group.
    process.kill(-child.pid, 'SIGTERM');
    await gone;
  }

  async close(): Promise<void> {
    while (this.running.length > 0) await this.endLast();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const known = new Set([...local, ...device, ...fleet('http://localhost:7400')].map((step) => step.command));
const isRun = ({ command }: { command: string }): boolean =>
  known.has(command) || elsewhere.some((other) => other.command.test(command));

describe('commands that are shown', () => {
  it.each(documentsOf(root))('%s: each is run by a test', (file) => {
    expect(commandsIn(root, file).filter((shown) => !isRun(shown))).toEqual([]);
  });

  it('help of every verb: each is run by a test', () => {
    const shown = helpTexts().flatMap(({ verb, text }) =>
      commandsAmong(text).map(({ command }) => ({ verb, command })),
    );
    expect(shown.length).toBeGreaterThan(0);
    expect(shown.filter((one) => !isRun(one))).toEqual([]);
  });

  it('are the same in both languages of the README, and so is all that prose sets in code', () => {
    const spoken = (file: string): string[] =>
      readFileSync(join(root, file), 'utf8')
        .replace(/^```[\s\S]*?^```$/gm, '')
        .match(/`[^`]+`/g)!
        .sort();
    // What a reader puts in for a name in angle brackets is said in the reader's language.
    const typed = (file: string): string[] =>
      commandsIn(root, file).map(({ command }) => command.replace(/<.*?>/g, '<>'));
    expect(typed('README.zh-CN.md')).toEqual(typed('README.md'));
    expect(spoken('README.zh-CN.md')).toEqual(spoken('README.md'));
  });
});

describe('from the root of a checkout', () => {
  const checkout = new Checkout();
  beforeAll(() => checkout.open());
  afterAll(() => checkout.close(), 60_000);

  it('the local verbs', { timeout: 300_000 }, async () => {
    for (const step of local) if (full || !step.slow) await checkout.run(step);
  });

  const silero = join(process.env['VERGE_DATA'] ?? '', 'silero-vad', 'silero_vad_16k_op15.onnx');
  it.skipIf(!process.env['VERGE_DATA'])('a model of others', { timeout: 60_000 }, async () => {
    const shown = commandsIn(root, 'docs/guides/graphs.md').find(({ command }) => command.includes('silero'));
    copyFileSync(silero, join(checkout.folder, 'silero_vad_16k_op15.onnx'));
    await checkout.run({ command: shown!.command });
  });

  const data = (...path: string[]): string => join(process.env['VERGE_DATA'] ?? '', ...path);
  it.skipIf(!process.env['VERGE_DATA'])('a model file on a device', { timeout: 120_000 }, async () => {
    const files = {
      'mobilenetv2.onnx': data('mobilenetv2', 'mobilenet_v2_keras_coral_fp32_restored.onnx'),
      'labels.txt': data('mobilenetv2', 'imagenet_labels_1001.txt'),
      'photo.jpg': data('photos', 'cat_720p.jpg'),
    };
    for (const [name, from] of Object.entries(files)) symlinkSync(from, join(checkout.folder, name));
    const preprocess = blockOf(root, 'docs/guides/model-on-a-device.md', 'yaml');
    writeFileSync(join(checkout.folder, 'mobilenetv2.yaml'), preprocess);
    for (const step of device) await checkout.run(step);
    // The fleet's agent takes its place.
    await checkout.endLast();
  });

  it('the fleet, from the first login to the first answer', { timeout: 400_000 }, async () => {
    for (const step of fleet(checkout.url)) await checkout.run(step);
  });

  it('the bundle that the console gives, with the root that it must not give', { timeout: 60_000 }, async () => {
    const password = readFileSync(join(checkout.folder, '.verge/data/admin-password'), 'utf8').trim();
    const login = { body: { email: 'admin@verge.local', password } };
    const { token } = await createClient({ baseUrl: checkout.url }).call('auth.login', login);
    const made = await createClient({ baseUrl: checkout.url, token }).call('enrollment.create', {
      params: { project: 'default' },
      body: { deviceClass: 'edge-small' },
    });
    expect(made.bundle.releaseRoot).toBeNull();
    writeFileSync(join(checkout.folder, 'bundle.json'), JSON.stringify(made.bundle));
    const env = { VERGE_AGENT_DIR: join(checkout.folder, 'second-agent') };
    await checkout.run({ command: enrollFromConsole, says: /enrolled as device/ }, env);
  });
});
