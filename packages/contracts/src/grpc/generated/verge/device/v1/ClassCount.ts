// Original file: proto/device.proto

import type { Long } from '@grpc/proto-loader';

export interface ClassCount {
  'index'?: (number);
  'count'?: (number | string | Long);
}

export interface ClassCount__Output {
  'index': (number);
  'count': (number);
}
