// Original file: proto/device.proto

import type { Long } from '@grpc/proto-loader';

export interface Chunk {
  'data'?: (Buffer | Uint8Array | string);
  'totalBytes'?: (number | string | Long);
}

export interface Chunk__Output {
  'data': (Buffer);
  'totalBytes': (number);
}
