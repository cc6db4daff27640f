/**
 * What a newcomer types at the root of a checkout, in order: every command of the READMEs, the guides and the console's pages, as
 * it stands there. `commands.test.ts` runs it, and fails for a command that is shown and stands neither here nor in `elsewhere`.
 */
import { commands, enrollCommand, loginCommand, workerCommand } from '../../apps/console/src/pages/commands.js';

export interface Step {
  readonly command: string;
  /** Goes on beside what follows; ready when its output holds this. */
  readonly until?: RegExp;
  /** Takes long, and is much like another step: only in the full tests. */
  readonly slow?: true;
  /** Exit codes that are right, where not only 0 is. */
  readonly codes?: readonly number[];
  /** What its output must hold. */
  readonly says?: RegExp;
}

const lines = (text: string): Step[] => text.split('\n').map((command) => ({ command }));
/** The latency of a model of some tens of microseconds decides whether it is offered: 1 says that it is not. */
const offeredOrNot = [0, 1];

/** Local verbs: README, apps/cli/README, guides. */
export const local: readonly Step[] = [
  {
    command: 'npx verge train --config datasets/digits/teacher.yaml --out runs/teacher',
    says: /test accuracy +(100|9[0-9])/,
  },
  {
    command:
      'npx verge compress --model runs/teacher/model.onnx --recipe datasets/digits/recipe-int8.json --data datasets/digits --out runs/int8',
    codes: offeredOrNot,
  },
  { command: 'npx verge evaluate --model runs/int8/model.onnx --data datasets/digits --json', says: /"samples": 359/ },
  { command: 'npx verge benchmark --model runs/int8/model.onnx --threads 1 --json', says: /"p50Ms"/ },
  { command: 'npx verge inspect --model runs/int8/model.onnx --html graph.html' },
  { command: 'npx verge inspect --model runs/teacher/model.onnx --html graph.html --svg graph.svg' },
  { command: 'npx verge simplify --model runs/teacher/model.onnx --out runs/simple.onnx' },
  { command: 'npx verge partition --model runs/teacher/model.onnx --stages 3 --out stages' },
  { command: 'npx verge extract --model runs/teacher/model.onnx --to pool.flat_out --out runs/features.onnx' },
  { command: 'npx verge convert --model runs/teacher/model.onnx --opset 13 --out runs/opset13.onnx' },
  { command: 'npx verge targets --model runs/int8/model.onnx', says: /jetson-tensorrt +symmetric-int8 \(refused\)/ },
  { command: 'npx verge targets', says: /raspberry-pi-5/ },
  { command: 'npx verge train --config train.yaml --out runs/digits', slow: true },
  {
    command:
      'npx verge compress --model runs/digits/model.onnx --recipe recipe.json --data datasets/digits --out runs/int8-digits',
    codes: offeredOrNot,
    slow: true,
  },
  {
    command: 'npx verge targets x64-avx2 --model runs/int8-digits/model.onnx',
    slow: true,
  },
  // The search and the packed file have tests of their own in apps/cli.
  {
    command:
      'npx verge compress --model runs/teacher/model.onnx --data datasets/digits --target raspberry-pi-5 --max-drop 0.5 --max-seconds 30 --out runs/best',
    slow: true,
  },
  {
    command:
      'npx verge compress --model runs/digits/model.onnx --data datasets/digits --target raspberry-pi-5 --max-drop 0.5 --max-seconds 30 --out runs/best-digits',
    slow: true,
  },
  { command: 'npx verge pack runs/int8-digits/model.onnx --out model.vpk', slow: true },
  {
    command: 'npx verge pack runs/best-digits/model.onnx --base runs/int8-digits/model.onnx --out changes.vpk',
    slow: true,
  },
  { command: 'npx verge unpack model.vpk --out model.onnx', slow: true },
  { command: 'npx verge unpack changes.vpk --base model.onnx --out next.onnx', slow: true },
];

/** The fleet: README, apps/cli/README, apps/agent/README, and the console's pages from its first to its last. */
export const fleet = (origin: string): readonly Step[] => [
  { command: 'npx verge-control-plane', until: /control plane is up/ },
  { command: workerCommand, until: /worker is ready/ },
  {
    command:
      'npx verge login --url http://localhost:7400 --email admin@verge.local --password-stdin < .verge/data/admin-password',
    says: /logged in/,
  },
  ...lines(loginCommand({ origin, email: 'admin@verge.local', project: 'default' })).filter(
    // The same login, with the password typed.
    (step) => !step.command.includes(' login '),
  ),
  ...lines(commands.dataset),
  ...lines(commands.train),
  ...lines(commands.compress),
  ...lines(commands.init),
  ...lines(commands.sign),
  ...lines(commands.group),
  ...lines(commands.enroll).filter((step) => !step.command.endsWith(' run')),
  { command: 'npx verge-agent run', until: /connected to the control plane/ },
  ...lines(commands.rollout),
  { command: 'npx verge-agent status', says: /digits/ },
  { command: 'npx verge-agent logs' },
  { command: commands.infer, says: /"shape":\s*\[1,10\]/ },
  { command: 'npx verge telemetry totals --since 15m', says: /requests/ },
  { command: 'npx verge devices list' },
  { command: 'npx verge workers list', says: /online/ },
  { command: 'npx verge overview' },
  {
    command:
      'npx verge compressions create --version digits@1 --target raspberry-pi-5 --max-drop 0.5 --max-seconds 30 --wait',
    slow: true,
  },
];

/** A model file on a device: docs/guides/model-on-a-device.md, apps/agent/README, where VERGE_DATA has the files. */
export const device: readonly Step[] = [
  {
    command:
      'npx verge-agent classify photo.jpg --model mobilenetv2.onnx --preprocess mobilenetv2.yaml --labels labels.txt --top 3',
    says: /0\.\d+ +286 +Egyptian cat[\s\S]*decode [\d.]+ ms, preprocess [\d.]+ ms[\s\S]*run [\d.]+ ms/,
  },
  { command: 'npx verge-agent benchmark mobilenetv2.onnx --threads 1,2 --runs 50', says: /p99 ms[\s\S]*MiB/ },
  {
    command: 'npx verge-agent serve mobilenetv2.onnx --preprocess mobilenetv2.yaml --labels labels.txt',
    until: /mobilenetv2 serves on/,
  },
  { command: 'curl -s http://localhost:7450/v2/health/ready', says: /true/ },
  { command: 'npx verge-agent classify photo.jpg', says: /Egyptian cat/ },
  { command: 'curl -s http://localhost:7450/v2/verge/status', says: /"answered":1,/ },
];

/** The bundle that the console shows lacks the root, which the operator's own folder has. */
export const enrollFromConsole = enrollCommand.split('\n')[0]!;

/** Shown, and run by something else: the reason says what. */
export const elsewhere: readonly { readonly command: RegExp; readonly runBy: string }[] = [
  { command: /^git clone /, runBy: 'whoever reads this has done it' },
  { command: /^npm run quickstart/, runBy: 'tests/console/quickstart.test.ts' },
  { command: /^npm (ci|test)|^npm run (test:full|build)/, runBy: 'npm test itself installs, builds and tests' },
  { command: /^npx turbo run build/, runBy: 'npm test builds so' },
  { command: /^npx vitest run/, runBy: 'npm test runs so' },
  { command: /^npx openapi-typescript/, runBy: 'tests/openapi/clients.test.ts, as it stands' },
  { command: /^npm run bench/, runBy: 'people, for their figures: a benchmark takes minutes' },
  {
    command: /^npm run (migration|schemas|generate)/,
    runBy: 'database/migrations.test.ts and local/guides.test.ts hold their results',
  },
  { command: /silero_vad_16k_op15/, runBy: 'commands.test.ts where VERGE_DATA has the model' },
  { command: /^npm run fixture -w @verge\/console/, runBy: 'tests/console/console.test.ts starts the same server' },
  { command: /npm run dev -w @verge\/console/, runBy: 'people who change pages: Vite serves until they stop it' },
  {
    command: /^source <\(verge completion (bash|zsh)\)$|^verge completion fish \| source$/,
    runBy: 'apps/cli/src/completion.test.ts loads the script in each shell that is there',
  },
  { command: /^cp infra\/docker\/example.env/, runBy: 'people who have a Docker engine' },
];
