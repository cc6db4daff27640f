/**
 * Command lines that the pages offer: the next step, as it is typed at the root of a checkout. A test runs every one of them
 * in this order.
 */

/** Where this console is, and who looks at it. */
export interface Place {
  readonly origin: string;
  readonly email: string;
  readonly project: string;
}

/** As many as there are cores to spare. */
export const workerCommand = 'npx verge-worker';

export const DEVICE_CLASS = 'edge-small';
export const GROUP = 'field';

export const loginCommand = ({ origin, email, project }: Place): string =>
  [`npx verge login --url ${origin} --email ${email}`, `npx verge use ${project}`].join('\n');

export const commands = {
  dataset: 'npx verge datasets add digits --path datasets/digits',
  train: 'npx verge trainings create --model digits --dataset digits --config datasets/digits/teacher.yaml --wait',
  compress: `npx verge compressions create --version digits@1 --recipe datasets/digits/recipe-int8.json --class ${DEVICE_CLASS} --wait`,
  init: 'npx verge releases init --keys keys',
  sign: [
    `npx verge releases sign --keys keys --artifact digits@1/${DEVICE_CLASS} --out signed`,
    'npx verge releases publish signed --name digits-1',
  ].join('\n'),
  group: `npx verge groups create ${GROUP}`,
  enroll: [
    `npx verge devices enroll-token --class ${DEVICE_CLASS} --group ${GROUP} --keys keys --out bundle.json`,
    'npx verge-agent enroll --bundle bundle.json',
    'npx verge-agent run',
  ].join('\n'),
  rollout: `npx verge rollouts create --name digits-1 --release digits-1 --group ${GROUP} --min-requests 0 --observe 5 --wait`,
  infer: 'curl -s http://localhost:7450/v2/models/digits/infer -d @datasets/digits/request.json',
} as const;

/** The root is given from the operator's own folder: a device must not learn it from the control plane. */
export const enrollCommand = [
  'npx verge-agent enroll --bundle bundle.json --release-root keys/metadata/1.root.json',
  'npx verge-agent run',
].join('\n');

export const trainCommand = (dataset: string): string =>
  `npx verge trainings create --model ${dataset} --dataset ${dataset} --config train.yaml --wait`;

export const compressCommand = (version: string): string =>
  `npx verge compressions create --version ${version} --recipe recipe.json --class ${DEVICE_CLASS} --wait`;

export const signCommand = (artifacts: readonly string[], release: string): string =>
  [
    `npx verge releases sign --keys keys ${artifacts.map((id) => `--artifact ${id}`).join(' ')} --out signed`,
    `npx verge releases publish signed --name ${release}`,
  ].join('\n');

export const rolloutCommand = (release: string, group: string): string =>
  `npx verge rollouts create --name ${release} --release ${release} --group ${group} --wait`;
