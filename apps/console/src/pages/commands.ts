/** Command lines that the pages offer: the next step, as the CLI takes it. */
export const commands = {
  dataset: 'verge datasets add digits --path datasets/digits',
  train: 'verge trainings create --model digits --dataset digits --config train.yaml --wait',
  compress: 'verge compressions create --version digits@1 --recipe recipe.yaml --class edge-small --wait',
  init: 'verge releases init --keys keys',
  sign: 'verge releases sign --keys keys --artifact ARTIFACT --out signed\nverge releases publish signed --name digits-1',
  enroll: 'verge devices enroll-token --class edge-small --group field --keys keys --out bundle.json',
  group: 'verge groups create field',
  rollout: 'verge rollouts create --name digits-1 --release digits-1 --group field --wait',
} as const;

export const trainCommand = (dataset: string): string =>
  `verge trainings create --model ${dataset} --dataset ${dataset} --config train.yaml --wait`;

export const compressCommand = (version: string): string =>
  `verge compressions create --version ${version} --recipe recipe.yaml --class edge-small --wait`;

export const signCommand = (artifacts: readonly string[], release: string): string =>
  [
    `verge releases sign --keys keys ${artifacts.map((id) => `--artifact ${id}`).join(' ')} --out signed`,
    `verge releases publish signed --name ${release}`,
  ].join('\n');

export const rolloutCommand = (release: string): string =>
  `verge rollouts create --name ${release} --release ${release} --group GROUP --wait`;
