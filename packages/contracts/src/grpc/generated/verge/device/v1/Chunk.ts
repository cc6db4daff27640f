// Original file: proto/device.proto

import type { Encoding as _verge_device_v1_Encoding, Encoding__Output as _verge_device_v1_Encoding__Output } from '../../../verge/device/v1/Encoding.js';
import type { Long } from '@grpc/proto-loader';

export interface Chunk {
  'data'?: (Buffer | Uint8Array | string);
  'totalBytes'?: (number | string | Long);
  'encoding'?: (_verge_device_v1_Encoding | null);
}

export interface Chunk__Output {
  'data': (Buffer);
  'totalBytes': (number);
  'encoding': (_verge_device_v1_Encoding__Output | null);
}
