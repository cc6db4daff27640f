/** The networks of torchvision, timm and transformers that the training benchmark trains: exported to ONNX for Verge, as they are for PyTorch. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { python } from './_python.js';

export interface Exported {
  /** As `exported_networks.py` calls it. */
  readonly exported: string;
  readonly name: string;
  readonly batch: number;
}

export const exportedNetworks: readonly Exported[] = [
  { exported: 'resnet18', name: 'ResNet-18, 64x64', batch: 16 },
  { exported: 'yolo', name: 'YOLO-like, 160x160', batch: 4 },
  { exported: 'squeezenet1_1', name: 'SqueezeNet 1.1, 64x64', batch: 16 },
  { exported: 'regnet_y_400mf', name: 'RegNet-Y 400MF, 64x64', batch: 16 },
  { exported: 'convnext_tiny', name: 'ConvNeXt-T, 64x64', batch: 16 },
  { exported: 'vit_tiny_patch16_224', name: 'ViT-Ti/16, 224x224', batch: 4 },
  { exported: 'swin_t', name: 'Swin-T, 224x224', batch: 4 },
  { exported: 'mobilevit_xs', name: 'MobileViT-XS, 256x256', batch: 4 },
  { exported: 'lstm', name: 'LSTM 128, 50 steps of 32', batch: 32 },
  { exported: 'bert', name: 'BERT 4x256, 64 tokens', batch: 8 },
  { exported: 'whisper', name: 'Whisper encoder 4x256, 400 frames', batch: 4 },
  { exported: 'efficientnet_b0', name: 'EfficientNet-B0, 64x64', batch: 16 },
  { exported: 'mobilenet_v3_small', name: 'MobileNetV3-S, 64x64', batch: 16 },
  { exported: 'shufflenet_v2_x0_5', name: 'ShuffleNetV2 0.5, 64x64', batch: 16 },
];

/** Writes a network in a process of its own, so that the memory that exporting takes is nobody's. @returns the file */
export function exportNetwork({ exported, batch }: Exported, here: string): string {
  const file = join(mkdtempSync(join(tmpdir(), 'verge-bench-')), `${exported}.onnx`);
  const script = join(here, 'exported_networks.py');
  const { status, stderr } = spawnSync(python, [script, exported, String(batch), file], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${exported}: ${stderr.trim().split('\n').at(-1)}`);
  return file;
}
