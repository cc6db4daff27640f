// Original file: proto/device.proto

import type { Long } from '@grpc/proto-loader';

export interface DownloadRequest {
  'digest'?: (string);
  'offset'?: (number | string | Long);
  'chunkBytes'?: (number);
}

export interface DownloadRequest__Output {
  'digest': (string);
  'offset': (number);
  'chunkBytes': (number);
}
