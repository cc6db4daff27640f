// Original file: proto/device.proto

import type { Long } from '@grpc/proto-loader';

export interface Encoding {
  'coding'?: (string);
  'digest'?: (string);
  'bytes'?: (number | string | Long);
  'offset'?: (number | string | Long);
  'base'?: (string);
}

export interface Encoding__Output {
  'coding': (string);
  'digest': (string);
  'bytes': (number);
  'offset': (number);
  'base': (string);
}
