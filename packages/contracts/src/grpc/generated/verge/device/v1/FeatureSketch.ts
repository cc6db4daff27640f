// Original file: proto/device.proto

import type { Long } from '@grpc/proto-loader';

export interface FeatureSketch {
  'name'?: (string);
  'count'?: (number | string | Long);
  'mean'?: (number | string);
  'm2'?: (number | string);
  'min'?: (number | string);
  'max'?: (number | string);
  'sketch'?: (Buffer | Uint8Array | string);
}

export interface FeatureSketch__Output {
  'name': (string);
  'count': (number);
  'mean': (number);
  'm2': (number);
  'min': (number);
  'max': (number);
  'sketch': (Buffer);
}
