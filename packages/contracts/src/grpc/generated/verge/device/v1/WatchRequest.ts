// Original file: proto/device.proto

import type { Long } from '@grpc/proto-loader';

export interface WatchRequest {
  'generation'?: (number | string | Long);
}

export interface WatchRequest__Output {
  'generation': (number);
}
