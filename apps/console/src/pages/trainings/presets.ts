/** Configurations to start from: small convolutional networks for the optical digits. */
export const presets = {
  residual: `model:
  architecture: resnet
  params:
    channels: [16, 32, 64]
epochs: 30
batchSize: 64
seed: 1
optimizer:
  name: sgd
  learningRate: 0.1
  momentum: 0.9
  weightDecay: 0.0005
schedule:
  name: cosine
  warmupEpochs: 1
labelSmoothing: 0.05
augmentation:
  shift: 1
earlyStop:
  patience: 8
`,
  separable: `model:
  architecture: dscnn
epochs: 30
batchSize: 64
seed: 1
optimizer:
  name: adamw
  learningRate: 0.003
  weightDecay: 0.01
schedule:
  name: cosine
augmentation:
  shift: 1
`,
  distilled: `model:
  architecture: dscnn
epochs: 40
batchSize: 64
seed: 1
optimizer:
  name: adamw
  learningRate: 0.003
  weightDecay: 0.01
schedule:
  name: cosine
distillation:
  temperature: 4
  alpha: 0.3
augmentation:
  shift: 1
`,
} as const;
export type PresetName = keyof typeof presets;
export const presetNames = Object.keys(presets) as PresetName[];
